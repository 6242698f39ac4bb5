"""Events and conditions: what `when`, `if` and tests of the state become."""

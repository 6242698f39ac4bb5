"""The `test` blocks of models: what they set, run and expect."""

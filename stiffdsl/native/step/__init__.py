"""One step: attempts of a Rosenbrock method, implicit Euler, projection, and the consistent start."""

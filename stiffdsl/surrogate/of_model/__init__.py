"""A compiled model as the task of a surrogate: its solves, relations and equations."""

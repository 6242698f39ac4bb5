"""Ends of a case other than success."""


class Mismatch(Exception):
    """Something differs from what it must be: what, and the two values."""

    def __init__(self, what: str, detail: str):
        super().__init__(f"{what}: {detail}")
        self.what, self.detail = what, detail


class Skipped(Exception):
    """The case says nothing, for a reason."""

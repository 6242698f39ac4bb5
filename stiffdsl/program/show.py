"""The array program as text: its functions, and the shapes of its tables."""

from stiffdsl.program import text
from stiffdsl.program.program import Program


def show(program: Program) -> str:
    """Every function; tables by shape."""
    n, nonzeros = program.size, len(program.rows)
    head = f"# program: {n} entries of y, {nonzeros} nonzeros, {program.operations} operations\n"
    tables = "".join(f"# {name}: {a.dtype} {a.shape}\n" for name, a in program.tables.items())
    return head + tables + "\n" + "\n\n".join(text.write(f, program.tables) for f in program.functions)

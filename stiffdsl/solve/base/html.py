"""Tables in HTML, as notebooks show them."""

from collections.abc import Iterable, Sequence
from html import escape


def table(head: Sequence[str], rows: Iterable[Sequence[str]], title: str = "", more: int = 0) -> str:
    """An HTML table below a title; `more` rows that are not shown are counted."""
    lines = [f"<p>{escape(title)}</p>"] if title else []
    lines += ["<table><thead><tr>", *(f"<th>{escape(c)}</th>" for c in head), "</tr></thead><tbody>"]
    lines += ["<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows]
    lines.append("</tbody></table>" + (f"<p>… {more:,} more</p>" if more > 0 else ""))
    return "".join(lines)

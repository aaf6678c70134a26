"""How every table of the command line looks."""

from rich import box
from rich.table import Table


def plain_table(title: str, *headings: str) -> Table:
    """Return an empty table; without headings it is a list of names and values."""
    table = Table(
        *headings,
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_header=bool(headings),
        pad_edge=False,
    )
    for column in table.columns:
        column.overflow = "fold"
    return table

"""Tables in Markdown, and their places in the model card."""

from collections.abc import Iterable, Sequence
from pathlib import Path

CARD = Path(__file__).parents[1] / "docs" / "model-card.md"


def as_markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what would end a cell is escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    cells = ([cell.strip().replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def with_part(page: str, name: str, part: str) -> str:
    r"""Return the page with a part in the place of the one of that name.

    >>> with_part("<!-- begin: a -->\nold\n<!-- end: a -->\n", "a", "new")
    '<!-- begin: a -->\n\nnew\n\n<!-- end: a -->\n'
    """
    begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
    if begin not in page or end not in page:
        raise SystemExit(f"the card has no place for {name}")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{part.strip()}\n\n{end}{after}"


def write_part(name: str, part: str, *, card: Path = CARD) -> None:
    """Put a part into the model card."""
    page = card.read_text(encoding="utf-8")
    card.write_text(with_part(page, name, part), encoding="utf-8")
    print(f"{card}: {name}")

"""The table of log lines in the documentation names every line that is written."""

import ast
import re
from collections.abc import Iterator

from tests.docs.reading import ROOT

_ROW = re.compile(
    r"^\| (?P<events>`\w+`(?:, `\w+`)*) \| (?:debug|info|warning|error)\b"
)
_LEVELS = {"debug", "info", "warning", "error"}
# A line whose level depends on what happened is written by a chosen method.
_CHOSEN = {"webhook"}


def written() -> Iterator[str]:
    """Yield the event of each call of a log in the source."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _LEVELS
                and ast.unparse(node.func.value) in {"log", "self._log"}
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value)


def documented() -> Iterator[str]:
    """Yield every event of the table."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for line in page.splitlines():
        if row := _ROW.match(line):
            yield from re.findall(r"\w+", row["events"])


def test_every_line_of_the_log_is_in_the_table() -> None:
    rows = list(documented())

    assert set(rows) == {*written(), *_CHOSEN}
    assert len(rows) == len(set(rows))

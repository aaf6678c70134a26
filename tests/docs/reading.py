"""What the pages show: their code blocks, the commands and the requests in them."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_BLOCK = re.compile(
    r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_BODY = re.compile(r"/tsfm/(?P<route>\S+).*?-d '(?P<body>.*?)'", re.DOTALL)
_OURS = re.compile(r"(?:^|[|] )(?:\w+=\S+ )*(?:\.venv/bin/)?tsfm-runner (?P<line>.*)$")


def name_of(path: Path) -> str:
    """Return the page as people name it."""
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [block["code"] for block in found if block["language"] == language]


def requests(page: Path) -> list[tuple[str, Any]]:
    """Return the route and the body of each curl of a page."""
    return [
        (f"/tsfm/{curl['route']}", json.loads(curl["body"]))
        for block in blocks(page, "sh")
        for curl in _BODY.finditer(block)
    ]


def command_lines(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each line of a page that runs tsfm-runner."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if ours := _OURS.search(line):
                yield shlex.split(ours["line"], comments=True)

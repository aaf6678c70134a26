"""The files that the pages are made of, by the name they have in an address."""

import hashlib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from fastapi import Request, Response

# By name and not from the machine's registry, which on some knows no scripts.
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_PLOTLY = "plotly.min.js"
_PART = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


class PageFile(NamedTuple):
    """A file that a page loads."""

    content: bytes
    media_type: str


def folder() -> Traversable:
    """Return the folder of the files of our own."""
    return files("tsfm_runner.api.pages") / "static"


def file_names() -> list[str]:
    """Return the name of every file of our own, sorted."""
    return sorted(_names_below(folder(), ""))


def read_file(name: str) -> PageFile | None:
    """Return the file of this name; None where there is none.

    A name is taken apart and each part checked, so none leads out of the folder.
    """
    parts = name.split("/")
    if not all(map(_PART.fullmatch, parts)) or _ending(name) not in _MEDIA_TYPES:
        return None
    place = folder().joinpath(*parts)
    if name == _PLOTLY:
        place = files("plotly") / "package_data" / _PLOTLY
    if not place.is_file():
        return None
    return PageFile(place.read_bytes(), _MEDIA_TYPES[_ending(name)])


def answer_file(request: Request, file: PageFile) -> Response:
    """Answer with the file, or with 304 to a browser that has this very content."""
    digest = hashlib.sha256(file.content).hexdigest()[:32]
    headers = {"ETag": f'"{digest}"', "Cache-Control": "no-cache"}
    if digest in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


def _names_below(place: Traversable, prefix: str) -> list[str]:
    names: list[str] = []
    for entry in place.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            names += _names_below(entry, f"{name}/")
        elif _ending(name) in _MEDIA_TYPES:
            names.append(name)
    return names


def _ending(name: str) -> str:
    return name.rpartition(".")[2]

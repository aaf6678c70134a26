"""The routes of the pages, and the shell that they share."""

from html import escape
from string import Template
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from tsfm_runner.api.pages.files import answer_file, file_names, folder, read_file

# Plotly writes styles into the page and draws its download from a blob.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_FILES = "/ui/static/"
_READ = ["GET", "HEAD"]


class Page(NamedTuple):
    """A page: its script is `name.js`, its look `name.css`, more of it in `name/`.

    ``parent`` is the page that the navigation marks for it, itself where None.
    """

    name: str
    title: str
    parent: str | None = None


PAGES = (
    Page("markets", "Markets"),
    Page("market", "Market", parent="markets"),
    Page("calibration", "Calibration"),
    Page("runtime", "Runtime"),
    Page("playground", "Playground"),
)
_NOT_FOUND = Page("missing", "Page not found", parent="")

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=_READ)
@router.api_route("/ui", methods=_READ)
@router.api_route("/ui/", methods=_READ)
async def start() -> RedirectResponse:
    """Lead to the first page."""
    return RedirectResponse(f"/ui/{PAGES[0].name}")


@router.api_route("/ui/static/{name:path}", methods=_READ)
def page_file(request: Request, name: str) -> Response:
    """Answer with a file that pages load."""
    file = read_file(name)
    if file is None:
        raise HTTPException(404)
    return answer_file(request, file)


@router.api_route("/ui/{name:path}", methods=_READ)
def page(name: str) -> HTMLResponse:
    """Answer with the shell of a page; it holds no data, its script asks for them."""
    known = next((one for one in PAGES if one.name == name), None)
    status = 404 if known is None else 200
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return HTMLResponse(_shell(known or _NOT_FOUND), status, headers)


def _shell(page: Page) -> str:
    """Return the page before its script ran."""
    names = file_names()
    template = Template((folder() / "page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(page.title),
        name=page.name,
        files=_FILES,
        links="\n".join(_links(page, names)),
        nav="\n".join(_nav_items(page)),
    )


def _links(page: Page, names: list[str]) -> list[str]:
    """Return the links to styles, and to scripts, so that none waits for another."""
    own = f"{page.name}/"
    styles = [name for name in names if name.startswith("style/")]
    styles += [name for name in names if name == f"{page.name}.css"]
    scripts = [name for name in names if name.startswith(("app.", "lib/", own))]
    return [f'<link rel="stylesheet" href="{_FILES}{name}">' for name in styles] + [
        f'<link rel="modulepreload" href="{_FILES}{name}">'
        for name in scripts
        if name.endswith(".js")
    ]


def _nav_items(page: Page) -> list[str]:
    current = page.name if page.parent is None else page.parent
    return [
        f'<li><a href="/ui/{one.name}"{_mark(one, page, current)}>'
        f"{escape(one.title)}</a></li>"
        for one in PAGES
        if one.parent is None
    ]


def _mark(one: Page, page: Page, current: str) -> str:
    if one.name != current:
        return ""
    return f' aria-current="{"page" if one.name == page.name else "true"}"'

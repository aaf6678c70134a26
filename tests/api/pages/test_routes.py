"""The pages over HTTP: shells for everybody, files from the package, nothing else."""

import re

import pytest
from starlette.testclient import TestClient
from tests.api.wire import a_client

from tsfm_runner.api.pages.files import file_names
from tsfm_runner.api.pages.routes import PAGES, POLICY
from tsfm_runner.config import Settings

_ADDRESSES = re.compile(r'(?:src|href)="([^"]+)"')
_IMPORTS = re.compile(r'(?:from|import) "(\.[^"]+)"')
_STATIC = "/ui/static/"
NAMES = [page.name for page in PAGES]


@pytest.mark.parametrize("path", ["/", "/ui", "/ui/"])
def test_the_first_page_is_that_of_the_markets(client: TestClient, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 307
    assert response.headers["location"] == "/ui/markets"


@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_served_with_all_that_it_loads(
    client: TestClient, name: str
) -> None:
    page = client.get(f"/ui/{name}")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    files = [one for one in _ADDRESSES.findall(page.text) if one.startswith(_STATIC)]
    assert f"{_STATIC}{name}.js" in files
    assert {client.get(file).status_code for file in files} == {200}


def test_pages_load_from_here_alone_and_run_no_script_of_their_text(
    client: TestClient,
) -> None:
    page = client.get("/ui/markets")

    assert page.headers["content-security-policy"] == POLICY
    assert "script-src 'self';" in POLICY
    assert "http" not in POLICY
    assert not re.search(r"https?://", page.text)
    assert "<script>" not in page.text
    assert not re.search(r'\son\w+="', page.text)


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("markets", ['/ui/markets" aria-current="page"']),
        ("market", ['/ui/markets" aria-current="true"']),
        ("runtime", ['/ui/runtime" aria-current="page"']),
        ("nowhere", []),
    ],
)
def test_navigation_marks_where_one_is(
    client: TestClient, name: str, marks: list[str]
) -> None:
    text = client.get(f"/ui/{name}").text

    assert re.findall(r'/ui/\w+" aria-current="\w+"', text) == marks


@pytest.mark.parametrize("name", ["nowhere", "markets/", "static", "<b>", "market.js"])
def test_page_that_does_not_exist_is_told_as_a_page(
    client: TestClient, name: str
) -> None:
    response = client.get(f"/ui/{name}")

    assert response.status_code == 404
    assert "Page not found" in response.text
    assert "<b>" not in response.text


@pytest.mark.parametrize("path", ["/ui/markets", "/ui/static/app.js", "/ui/nowhere"])
def test_head_tells_what_get_would(client: TestClient, path: str) -> None:
    got, asked = client.get(path), client.head(path)

    assert asked.status_code == got.status_code
    assert asked.headers["content-length"] == got.headers["content-length"]
    assert asked.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("plotly.min.js", "text/javascript; charset=utf-8"),
        ("style/1_tokens.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_files_have_their_media_type_and_are_asked_for_anew(
    client: TestClient, name: str, media_type: str
) -> None:
    file = client.get(_STATIC + name)
    again = client.get(_STATIC + name, headers={"If-None-Match": file.headers["etag"]})

    assert file.status_code == 200
    assert file.headers["content-type"] == media_type
    assert file.headers["cache-control"] == "no-cache"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == file.headers["etag"]


def test_file_of_another_content_is_sent_again(client: TestClient) -> None:
    file = client.get("/ui/static/app.js", headers={"If-None-Match": '"other"'})

    assert file.status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "page.html",
        "nothing.js",
        "lib",
        "lib/",
        "",
        "%2e%2e/routes.py",
        "..%2f..%2fapp.py",
        "lib/%2e%2e/%2e%2e/app.js",
        "lib%2f..%2fapp.js",
        "lib//api.js",
        "%2fetc/passwd.css",
        "lib%5capi.js",
        "app.js%00.css",
        "APP.JS",
    ],
)
def test_no_name_leads_out_of_the_folder(client: TestClient, name: str) -> None:
    response = client.get(_STATIC + name)

    assert response.status_code == 404


def test_every_script_imports_files_that_exist(client: TestClient) -> None:
    for name in file_names():
        if not name.endswith(".js"):
            continue
        place = f"http://testserver{_STATIC}{name}"
        for wanted in _IMPORTS.findall(client.get(place).text):
            assert client.get(str(client.get(place).url.join(wanted))).is_success


def test_scripts_load_nothing_from_other_machines_and_write_no_markup(
    client: TestClient,
) -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        r"|(?:from|import\(?|fetch\() ?[\"'`]https?:"
    )

    for name in file_names():
        if name.endswith(".js"):
            assert not forbidden.search(client.get(_STATIC + name).text), name


def test_shells_are_open_where_keys_are_needed_and_data_is_not() -> None:
    settings = Settings.model_validate({"auth": {"keys": {"desk": "k" * 32}}})

    with a_client(settings) as client:
        open_to_all = ["/", "/ui/markets", "/ui/nowhere", "/ui/static/app.js"]
        statuses = [client.get(path).status_code for path in open_to_all]
        guarded = client.get("/tsfm/markets").status_code

    assert statuses == [307, 200, 404, 200]
    assert guarded == 401


def test_pages_are_only_read(client: TestClient) -> None:
    assert client.post("/ui/markets").status_code == 405

"""Routes that are not there, errors of our own, and the page of documentation."""

import re

import pytest
from starlette.testclient import TestClient
from tests.api.wire import (
    BATCH,
    FORECAST,
    a_client,
    a_request,
    an_app,
    assert_problem,
    client_of,
    prices,
)
from tests.fakes import Answers, FakeRuntime

from tsfm_runner.domain.forecast import ModelCall

_OTHER_HOST = re.compile(r"""(?:src|href|url)\s*[=:(]\s*["']?(?:https?:)?//""")


def broken(_: ModelCall) -> Answers:
    """Fail in a way that nobody foresaw."""
    raise ZeroDivisionError("secret of the inside")


@pytest.mark.parametrize("route", [FORECAST, BATCH])
def test_error_of_ours_is_a_500_that_tells_nothing_of_the_inside(route: str) -> None:
    one = a_request(y=prices(60))
    body = one if route == FORECAST else {"requests": [one]}

    with a_client(runtime=FakeRuntime(broken)) as client:
        response = client.post(route, json=body, headers={"X-Request-ID": "mine"})

    assert_problem(response, 500, "internal_error")
    assert response.headers["x-request-id"] == "mine"
    assert response.headers["x-content-type-options"] == "nosniff"
    for secret in ("secret", "ZeroDivision", "Traceback", "runtime", ".py"):
        assert secret not in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/tsfm",
        "/tsfm/forecast/",
        "/tsfm/models/",
        "/docs/",
        "/docs/assets",
        "/docs/assets/",
        "/docs/assets/none",
        "/docs/assets/index.html",
        "/docs/assets/%00",
        "/docs/assets/..%2f..%2fapi%2fapp.py",
        "/docs/assets/" + "a" * 5_000,
        "/redoc",
        "/%ff%fe",
        "/%0d%0aX-Injected:%20yes",
        "/" + "x" * 9_000,
    ],
)
def test_route_that_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    response = client.get(path)

    assert_problem(response, 404, "not_found")
    assert "location" not in response.headers
    assert "x-injected" not in response.headers
    assert len(response.content) < 700


@pytest.mark.parametrize("host", ["[::1", "[", "a b", "evil.example", "x:999999"])
@pytest.mark.parametrize("path", ["/none", "/tsfm/models/", "/docs/assets"])
def test_host_header_changes_no_answer(
    client: TestClient, path: str, host: str
) -> None:
    response = client.get(path, headers={"Host": host})

    assert_problem(response, 404, "not_found")
    assert host not in response.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", FORECAST, "POST"),
        ("DELETE", FORECAST, "POST"),
        ("PUT", BATCH, "POST"),
        ("OPTIONS", BATCH, "POST"),
        ("POST", "/tsfm/models", "GET"),
        ("POST", "/health/live", "GET"),
        ("BREW", "/health/ready", "GET"),
    ],
)
def test_method_that_is_not_there_is_a_405(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    response = client.request(method, path)

    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed


def test_page_of_documentation_loads_from_here_alone(client: TestClient) -> None:
    page = client.get("/docs")

    assert page.status_code == 200
    assert not _OTHER_HOST.search(page.text)
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 3
    for asset in assets:
        loaded = client.get(asset)
        assert loaded.status_code == 200
        assert len(loaded.content) > 500


def test_page_of_documentation_tells_the_browser_to_load_nothing_else(
    client: TestClient,
) -> None:
    policy = client.get("/docs").headers["content-security-policy"]

    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy


def test_page_of_documentation_sends_the_schema_to_no_validator(
    client: TestClient,
) -> None:
    page = client.get("/docs").text

    assert '"validatorUrl": null' in page


def test_application_may_start_again_in_one_process() -> None:
    app = an_app()

    for market_id in ("first", "second"):
        with client_of(app) as client:
            client.post(FORECAST, json=a_request(market_id=market_id))
            assert client.get("/metrics").text.count("\ntsfm_bands_waiting 1.0") == 1

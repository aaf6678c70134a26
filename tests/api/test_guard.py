"""Who may come in, and what every answer carries."""

import re

import pytest
from fastapi import Request
from httpx2 import Headers
from starlette.testclient import TestClient
from tests.api.wire import (
    FORECAST,
    SECURITY_HEADERS,
    Json,
    a_client,
    a_request,
    an_app,
    assert_problem,
)

from tsfm_runner.config import Settings

KEYS = {"alerts": "first-key-of-16-and-more", "desk": "second-key-ümlaut-16"}
ALERTS, DESK = KEYS["alerts"], KEYS["desk"]
PUBLIC = ("/health/live", "/health/ready")


def guarded(**auth: object) -> Settings:
    return Settings.model_validate({"auth": {"keys": KEYS, **auth}})


def every_route() -> list[tuple[str, str]]:
    """Return method and path of every route, documented or not."""
    documented = [
        (method.upper(), path)
        for path, operations in an_app().site.openapi()["paths"].items()
        for method in operations
    ]
    assert ("POST", FORECAST) in documented
    undocumented = ("/docs", "/openapi.json", "/docs/assets/swagger-ui.css")
    return [*documented, *(("GET", path) for path in undocumented)]


ROUTES = every_route()


def test_without_keys_everybody_may_ask(client: TestClient) -> None:
    response = client.post(FORECAST, json=a_request())

    assert response.status_code == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("token", [None, "not-a-key-of-this-service"])
def test_with_keys_only_public_routes_are_open(
    method: str, path: str, token: str | None
) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    with a_client(guarded()) as client:
        response = client.request(method, path, headers=headers)

    if path in PUBLIC:
        assert response.status_code == 200
        return
    problem = assert_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"
    assert ("no token" if token is None else "not known") in problem["detail"]


@pytest.mark.parametrize(
    "path", ["/no-such-route", "/tsfm", "/health/livelong", "/uid"]
)
def test_route_that_does_not_exist_is_no_secret_way_in(path: str) -> None:
    with a_client(guarded()) as client:
        response = client.get(path)

    assert_problem(response, 401, "unauthorized")


def test_what_lies_below_a_public_path_is_public_too() -> None:
    with a_client(guarded(public=["/docs"])) as client:
        page = client.get("/docs")
        style = client.get("/docs/assets/swagger-ui.css")

    assert (page.status_code, style.status_code) == (200, 200)


def test_the_document_names_the_ways_to_bring_a_key() -> None:
    with a_client(guarded(public=["/openapi.json"])) as client:
        document = client.get("/openapi.json").json()

    assert document["security"] == [{"bearer": []}, {"key": []}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}


def test_public_root_opens_nothing_but_itself() -> None:
    with a_client(guarded(public=["/"])) as client:
        statuses = [
            client.get(f"http://testserver{path}").status_code
            for path in ("/", "//docs", "/docs")
        ]

    assert statuses == [307, 401, 401]


def test_public_routes_are_those_of_the_settings() -> None:
    with a_client(guarded(public=["/openapi.json"])) as client:
        statuses = [
            client.get(path).status_code for path in ("/openapi.json", "/health/live")
        ]

    assert statuses == [200, 401]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_each_named_key_opens_both_ways(key: str) -> None:
    token = key.encode()

    with a_client(guarded()) as client:
        responses = [
            client.post(FORECAST, json=a_request(), headers=headers)
            for headers in (
                {b"Authorization": b"Bearer " + token},
                {b"Authorization": b"bEaReR  " + token},
                {b"X-API-Key": token},
                {b"Authorization": b"Basic dXNlcjpwYXNz", b"X-API-Key": token},
            )
        ]

    assert [response.status_code for response in responses] == [200] * 4


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ALERTS},
        {"Authorization": f"Basic {ALERTS}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {ALERTS[:-1]}"},
        {"Authorization": f"Bearer {ALERTS}x"},
        {"Authorization": f"Bearer {ALERTS.upper()}"},
        {"Authorization": f"Bearer {ALERTS},{DESK.encode().decode('latin-1')}"},
        {"Authorization": "Bearer " + "x" * 100_000},
        {"Authorization": "Bearer \udcff".encode("utf-8", "surrogateescape")},
        {"X-API-Key": ""},
        {"X-API-Key": "alerts"},
        {"Cookie": f"token={ALERTS}"},
    ],
)
def test_what_is_not_exactly_a_key_is_refused(headers: dict[str, str | bytes]) -> None:
    sent = [
        (name.encode(), value.encode("latin-1") if isinstance(value, str) else value)
        for name, value in headers.items()
    ]

    with a_client(guarded()) as client:
        response = client.post(FORECAST, json=a_request(), headers=sent)

    assert_problem(response, 401, "unauthorized")


def test_token_in_the_address_is_not_looked_at() -> None:
    with a_client(guarded()) as client:
        response = client.get("/tsfm/models", params={"token": ALERTS, "key": ALERTS})

    assert_problem(response, 401, "unauthorized")


def test_refusal_never_repeats_a_token() -> None:
    wrong = "wrong-token-nobody-should-see"

    with a_client(guarded()) as client:
        response = client.get("/tsfm/models", headers={"X-API-Key": wrong})

    assert wrong not in response.text + str(response.headers)


@pytest.mark.parametrize("given", ["a", "order-17/3", "~!{}", "x" * 128])
def test_request_id_is_given_back(client: TestClient, given: str) -> None:
    response = client.get("/health/live", headers={"X-Request-ID": given})

    assert response.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize(
    "given", [b"", b"two words", b"x" * 129, b"a\tb", b"\xc3\xa9", b"\xff"]
)
def test_ill_formed_request_id_is_replaced(client: TestClient, given: bytes) -> None:
    response = client.get("/health/live", headers={b"X-Request-ID": given})

    [told] = response.headers.get_list("x-request-id")
    assert re.fullmatch("[0-9a-f]{32}", told)


def test_request_without_an_id_gets_one_of_its_own(client: TestClient) -> None:
    told = {client.get("/health/live").headers["x-request-id"] for _ in range(20)}

    assert len(told) == 20


# Streams have no end that this client could wait for: see `test_streaming`.
ENDING = [(method, path) for method, path in ROUTES if not path.endswith("/stream")]


@pytest.mark.parametrize(("method", "path"), [*ENDING, ("GET", "/none")])
def test_every_answer_carries_security_headers(
    client: TestClient, method: str, path: str
) -> None:
    response = client.request(method, path)

    assert response.headers.items() >= SECURITY_HEADERS.items()
    assert response.headers["x-request-id"]


def test_refusals_carry_them_too() -> None:
    with a_client(guarded()) as client:
        response = client.get("/tsfm/models", headers={"X-Request-ID": "mine"})

    assert response.status_code == 401
    assert response.headers.items() >= SECURITY_HEADERS.items()
    assert response.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", f"Bearer {ALERTS}"), ("X-API-Key", "wrong")], 200),
        ([("X-API-Key", "wrong"), ("Authorization", f"Bearer {ALERTS}")], 200),
        ([("X-API-Key", ALERTS), ("Authorization", "Bearer wrong")], 401),
        ([("X-API-Key", ALERTS), ("X-API-Key", "wrong")], 200),
        ([("X-API-Key", "wrong"), ("X-API-Key", ALERTS)], 401),
    ],
)
def test_of_several_tokens_the_bearer_counts_and_then_the_first(
    headers: list[tuple[str, str]], status: int
) -> None:
    with a_client(guarded()) as client:
        response = client.get("/tsfm/models", headers=Headers(headers))

    assert response.status_code == status


@pytest.mark.parametrize(
    ("auth", "headers", "name"),
    [
        ({}, {}, "anonymous"),
        ({}, {"X-API-Key": ALERTS}, "anonymous"),
        ({"keys": KEYS}, {"X-API-Key": ALERTS}, "alerts"),
        ({"keys": KEYS}, {b"X-API-Key": DESK.encode()}, "desk"),
        ({"keys": KEYS, "public": ["/who"]}, {}, "anonymous"),
    ],
)
def test_what_lies_behind_is_told_who_asks(
    auth: Json, headers: dict[str, str], name: str
) -> None:
    app = an_app(Settings.model_validate({"auth": auth}))

    @app.site.get("/who")
    async def who(request: Request) -> str:
        caller: str = request.scope["tsfm.key"]
        return caller

    with TestClient(app) as client:
        response = client.get("/who", headers=headers)

    assert response.json() == name

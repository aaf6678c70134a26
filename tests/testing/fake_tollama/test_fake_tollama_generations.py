"""Each generation knows its own routes and keys, and refuses later ones."""

import pytest
from tests.testing.fake_tollama.requests_to_fake import a_body, one_series, told

from tsfm_runner.adapters.tollama.dialect import read_dialect
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

_KEYS_SINCE = {
    "options": 0,
    "keep_alive": 1,
    "parameters": 2,
    "timeout": 3,
    "response_options": 5,
}
_VALUES: dict[str, object] = {
    "options": {},
    "keep_alive": 5,
    "parameters": {},
    "timeout": 5,
    "response_options": {},
}


@pytest.mark.parametrize("generation", range(8))
async def test_generation_refuses_what_it_does_not_describe(generation: int) -> None:
    options = FakeTollamaOptions(generation=generation)

    async with running_fake_tollama(options) as url:
        _, document = await told(url, "/openapi.json")
        statuses = {
            key: (await told(url, "/v1/forecast", a_body(**{key: value})))[0]
            for key, value in _VALUES.items()
        }

    described = read_dialect(document).body_keys
    for key, since in _KEYS_SINCE.items():
        assert (key in described) == (since <= generation)
        assert statuses[key] == (200 if since <= generation else 400)


@pytest.mark.parametrize("generation", range(8))
async def test_every_generation_takes_the_minimal_body(generation: int) -> None:
    options = FakeTollamaOptions(generation=generation)

    async with running_fake_tollama(options) as url:
        status, answer = await told(url, "/v1/forecast", a_body())

    assert status == 200
    assert ("warnings" in answer) == (generation >= 2)
    assert ("timing" in answer) == (generation >= 4)
    assert ("preprocessing" in answer) == (generation >= 7)


@pytest.mark.parametrize(
    ("path", "since"),
    [("/v1/health", 0), ("/api/version", 1), ("/api/tags", 1), ("/health/ready", 7)],
)
@pytest.mark.parametrize("generation", [0, 1, 6, 7])
async def test_routes_are_there_from_their_generation_on(
    path: str, since: int, generation: int
) -> None:
    options = FakeTollamaOptions(generation=generation)

    async with running_fake_tollama(options) as url:
        status, answer = await told(url, path)

    assert status == (200 if generation >= since else 404)
    assert (answer == {"detail": "Not Found"}) == (generation < since)


async def test_oldest_generations_want_a_freq_and_take_any_model() -> None:
    without_freq = {key: value for key, value in one_series().items() if key != "freq"}

    async with running_fake_tollama(FakeTollamaOptions(generation=1)) as url:
        refused, _ = await told(url, "/v1/forecast", a_body(without_freq))
        taken, _ = await told(url, "/v1/forecast", a_body(model="anything"))

    assert (refused, taken) == (400, 200)


async def test_hints_came_later_than_errors() -> None:
    answers = []

    for generation in (4, 5):
        options = FakeTollamaOptions(generation=generation)
        async with running_fake_tollama(options) as url:
            answers.append(await told(url, "/v1/forecast", a_body(model="nope")))

    assert "hint" not in answers[0][1]
    assert "hint" in answers[1][1]

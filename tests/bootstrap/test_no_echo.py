"""A service that answers as tollama must not be its own tollama."""

import pytest

from tsfm_runner.bootstrap import build_app
from tsfm_runner.config import Settings
from tsfm_runner.errors import ConfigurationError

TOKEN = "key-of-sixteen-characters-or-more"


def settings(
    url: str, host: str = "127.0.0.1", *, tollama_api: bool = True
) -> Settings:
    return Settings.model_validate(
        {
            "server": {"host": host, "port": 11435, "tollama_api": tollama_api},
            "auth": {"keys": {"desk": TOKEN}},
            "tollama": {"url": url},
            "embedded": {"enabled": False},
        }
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:11435", "127.0.0.1"),
        ("http://localhost:11435/", "127.0.0.1"),
        ("http://[::1]:11435", "::1"),
        ("http://127.0.0.1:11435", "0.0.0.0"),  # noqa: S104 - never bound
        ("http://192.0.2.7:11435", "192.0.2.7"),
    ],
)
def test_an_address_of_its_own_refuses_the_start(url: str, host: str) -> None:
    with pytest.raises(ConfigurationError, match="it would ask itself without end"):
        build_app(settings(url, host))


@pytest.mark.parametrize(
    "made",
    [
        settings("http://127.0.0.1:11436"),
        settings("http://192.0.2.8:11435"),
        settings("http://127.0.0.1:11435", tollama_api=False),
    ],
    ids=["another port", "another machine", "no tollama here"],
)
def test_an_address_of_another_starts(made: Settings) -> None:
    assert build_app(made).edge.n_in_flight == 0

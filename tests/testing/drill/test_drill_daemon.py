import json
import multiprocessing
import time
from collections.abc import Iterator
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tsfm_runner.errors import RuntimeUnavailableError
from tsfm_runner.testing.drill.daemon import Conduct, Daemon, running_daemon
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, Fault

OPTIONS = FakeTollamaOptions(models=("mock",))
BODY = {
    "model": "mock",
    "horizon": 1,
    "quantiles": [0.5],
    "series": [
        {
            "id": "a",
            "freq": "5min",
            "timestamps": ["2026-02-20 12:00:00", "2026-02-20 12:05:00"],
            "target": [0.1, 0.2],
        }
    ],
}


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with running_daemon(OPTIONS) as running:
        yield running


def status(daemon: Daemon, *, timeout_s: float = 10.0) -> int:
    request = Request(  # noqa: S310 - loopback
        f"{daemon.url}/v1/forecast",
        json.dumps(BODY).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=timeout_s) as reply:  # noqa: S310
            return int(reply.status)
    except HTTPError as refusal:
        with refusal:
            return refusal.code


def test_it_behaves_as_it_is_told_to(daemon: Daemon) -> None:
    seen = [status(daemon)]

    daemon.behave(Conduct(Fault.UNAVAILABLE))
    seen.append(status(daemon))
    daemon.behave(Conduct())
    seen.append(status(daemon))

    assert seen == [200, 503, 200]


def test_it_is_as_slow_as_it_is_told_to_be(daemon: Daemon) -> None:
    daemon.behave(Conduct(latency_ms=300))

    started_s = time.monotonic()
    status(daemon)

    assert time.monotonic() - started_s >= 0.3


def test_killed_it_is_gone_and_started_again_it_is_at_the_same_address(
    daemon: Daemon,
) -> None:
    url = daemon.url

    daemon.kill()
    with pytest.raises(URLError):
        status(daemon)
    daemon.start()

    assert daemon.url == url
    assert status(daemon) == 200


def test_stopped_it_is_silent_until_it_goes_on(daemon: Daemon) -> None:
    daemon.stop()
    with pytest.raises(TimeoutError):
        status(daemon, timeout_s=0.2)
    daemon.go_on()

    assert status(daemon) == 200


def interrupted(*, is_stopped: bool) -> None:
    with running_daemon(OPTIONS) as daemon:
        if is_stopped:
            daemon.stop()
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_stopped", [False, True])
def test_it_ends_with_its_block_whatever_happens(*, is_stopped: bool) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(is_stopped=is_stopped)

    assert multiprocessing.active_children() == []


def test_a_daemon_that_cannot_start_is_an_error_of_ours(daemon: Daemon) -> None:
    second = Daemon(OPTIONS, port=urlsplit(daemon.url).port or 0)

    with pytest.raises(RuntimeUnavailableError):
        second.start()

    second.kill()

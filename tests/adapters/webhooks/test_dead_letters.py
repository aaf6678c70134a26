"""Dead letters are on the disk before anybody goes on, and can be read again."""

import json
from pathlib import Path

import pytest
from tests.service.signals_told import breach_signal

from tsfm_runner.adapters.webhooks import (
    DeadLetterFile,
    dead_letter_path,
    read_letters,
)
from tsfm_runner.config import WebhooksConfig
from tsfm_runner.domain.delivery import DeadLetter
from tsfm_runner.errors import (
    ConfigurationError,
    DeliveryFailedError,
    UnreadableInputError,
)

LARGE = 1024**2


def letter(number: int, endpoint: str = "alerts") -> DeadLetter:
    return DeadLetter(
        endpoint,
        breach_signal(number),
        "answered 400: ünfit",
        400,
        3,
        1_700_000_000.0,
        {"id": number},
    )


async def test_a_letter_tells_who_was_not_told_of_what_and_why(tmp_path: Path) -> None:
    path = tmp_path / "new" / "letters.jsonl"

    await DeadLetterFile(path, max_bytes=LARGE).put([letter(1), letter(2)])

    first, second = read_letters(path)
    assert first == {
        "endpoint": "alerts",
        "reason": "answered 400: ünfit",
        "status": 400,
        "n_attempts": 3,
        "died_at": "2023-11-14T22:13:20Z",
        "signal_id": 1,
        "dedupe_key": "key-1",
        "payload": {"id": 1},
    }
    assert second["signal_id"] == 2


async def test_letters_are_counted_also_those_of_before(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    await DeadLetterFile(path, max_bytes=LARGE).put([letter(1), letter(2, "other")])

    again = DeadLetterFile(path, max_bytes=LARGE)
    await again.put([letter(3)])

    assert (again.count("alerts"), again.count("other"), again.count("none")) == (
        2,
        1,
        0,
    )


async def test_a_line_that_a_crash_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text('{"endpoint": "al', encoding="utf-8")

    await DeadLetterFile(path, max_bytes=LARGE).put([letter(1)])

    lines = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1])["signal_id"] == 1


async def test_a_large_file_is_set_aside_in_the_place_of_the_one_before(
    tmp_path: Path,
) -> None:
    path = tmp_path / "letters.jsonl"
    letters = DeadLetterFile(path, max_bytes=100)

    for number in (1, 2, 3):
        await letters.put([letter(number)])

    aside = tmp_path / "letters.jsonl.1"
    assert [one["signal_id"] for one in read_letters(path)] == [3]
    assert [one["signal_id"] for one in read_letters(aside)] == [2]
    assert letters.count("alerts") == 1


async def test_where_nothing_can_be_written_that_is_told(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    letters = DeadLetterFile(path, max_bytes=LARGE)
    path.mkdir()

    with pytest.raises(DeliveryFailedError, match="cannot be written"):
        await letters.put([letter(1)])

    assert letters.count("alerts") == 0


def test_a_place_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="dead_letter_file"):
        DeadLetterFile(tmp_path, max_bytes=LARGE)


def test_by_default_the_file_is_beside_the_ledger() -> None:
    path = dead_letter_path(WebhooksConfig(), {"XDG_DATA_HOME": "/data"})
    given = dead_letter_path(WebhooksConfig(dead_letter_file=Path("/mine")), {})

    assert path.name == "dead-letters.jsonl"
    assert path.parent.name == "tsfm-runner"
    assert given == Path("/mine")


def test_another_file_is_no_file_of_dead_letters(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text('{"endpoint": "alerts"}\n', encoding="utf-8")

    with pytest.raises(UnreadableInputError, match="line 1, is no dead letter"):
        list(read_letters(path))
    with pytest.raises(UnreadableInputError, match="cannot be read"):
        list(read_letters(tmp_path / "none"))

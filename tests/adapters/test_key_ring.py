"""Keys come and go with their file; a file that is wrong changes nothing."""

import asyncio
import json
import os
from io import StringIO
from pathlib import Path

import pytest

from tsfm_runner.adapters.key_ring import WatchedKeys
from tsfm_runner.adapters.telemetry import open_log, silent_log
from tsfm_runner.config import AuthConfig, LogConfig
from tsfm_runner.errors import ConfigurationError

OLD, NEW, ENVIRONMENT = (
    "old-key-of-16-chars",
    "new-key-of-16-chars",
    "env-key-of-16-chars",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.yaml"
    path.write_text(f"old: {OLD}", encoding="utf-8")
    return path


@pytest.fixture
def written() -> StringIO:
    return StringIO()


def ring(
    file: Path | None, written: StringIO | None = None, *, interval_s: float = 5.0
) -> WatchedKeys:
    """Return the keys of the file and one of the environment."""
    auth = {
        "keys": {"ops": ENVIRONMENT},
        "keys_file": file,
        "reload_interval_s": interval_s,
    }
    log = silent_log() if written is None else open_log(LogConfig(), written)
    return WatchedKeys(AuthConfig.model_validate(auth), log)


def logged(written: StringIO) -> list[tuple[str, str]]:
    """Return the level and the event of each line."""
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    return [(line["level"], line["event"]) for line in lines]


def opened_by(keys: WatchedKeys) -> list[str | None]:
    return [keys.name_of(token.encode()) for token in (ENVIRONMENT, OLD, NEW)]


def rewrite(file: Path, content: str | bytes) -> None:
    """Put another file in the place of this one, as careful writers do."""
    other = file.with_suffix(".new")
    other.write_bytes(content.encode() if isinstance(content, str) else content)
    other.replace(file)


async def until_new_opens(keys: WatchedKeys) -> None:
    async with asyncio.timeout(10):
        while keys.name_of(NEW.encode()) is None:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0)


def test_each_key_is_known_by_its_name(file: Path) -> None:
    keys = ring(file)

    assert keys.names == {"ops", "old"}
    assert opened_by(keys) == ["ops", "old", None]
    assert not keys.is_empty


@pytest.mark.parametrize("token", ["", "old", OLD[:-1], f"{OLD}x", OLD.upper(), "ü"])
def test_what_is_not_exactly_a_key_has_no_name(file: Path, token: str) -> None:
    assert ring(file).name_of(token.encode()) is None


def test_without_any_key_the_ring_is_empty() -> None:
    keys = WatchedKeys(AuthConfig(), silent_log())

    assert keys.is_empty
    assert keys.names == frozenset()
    assert keys.name_of(b"anything") is None


def test_new_keys_open_and_removed_keys_no_longer_do(file: Path) -> None:
    keys = ring(file)

    rewrite(file, f"new: {NEW}")
    keys.refresh()

    assert opened_by(keys) == ["ops", None, "new"]


def test_a_secret_can_change_under_its_name(file: Path) -> None:
    keys = ring(file)

    rewrite(file, f"old: {NEW}")
    keys.refresh()

    assert opened_by(keys) == ["ops", None, "old"]


def test_a_file_that_is_written_in_place_is_seen_too(file: Path) -> None:
    keys = ring(file)

    file.write_text(f"old: {OLD}\nnew: {NEW}", encoding="utf-8")
    keys.refresh()

    assert opened_by(keys) == ["ops", "old", "new"]


def test_a_change_of_the_same_size_and_time_is_seen_by_the_inode(file: Path) -> None:
    keys = ring(file)
    before = file.stat()

    rewrite(file, f"new: {NEW}")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    keys.refresh()

    assert file.stat().st_size == before.st_size
    assert opened_by(keys) == ["ops", None, "new"]


BROKEN = {
    "nothing": "",
    "comments only": "# none\n",
    "no mapping": "{}",
    "a list": f"[{NEW}]",
    "half a line": f"new: {NEW}\nother",
    "an open quote": f'new: "{NEW}',
    "a short key": f"new: {NEW}\nother: short",
    "a placeholder": f"new: {NEW}\nother: changeme-changeme-changeme",
    "a number": f"new: {NEW}\nother: 12345678901234567890",
    "a date that is none": f"new: {NEW}\nother: 2020-13-45",
    "a time that is none": f"new: {NEW}\nother: !!timestamp x",
    "a name twice": f"new: {NEW}\nnew: {OLD}",
    "a name of the environment": f"new: {NEW}\nops: {OLD}",
    "a name that is a list": f"? [new]\n: {NEW}",
    "a deep nest": f"new: {NEW}\nother: " + "[" * 5_000,
    "no text": b"\xff\xfe\x00new",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_wrong_keeps_the_old_keys_and_is_logged_once(
    file: Path, content: str | bytes, written: StringIO
) -> None:
    keys = ring(file, written)

    rewrite(file, content)
    keys.refresh()
    keys.refresh()

    assert opened_by(keys) == ["ops", "old", None]
    assert logged(written) == [("error", "keys_kept")]
    assert str(file) in written.getvalue()
    assert not any(key in written.getvalue() for key in (OLD, NEW, ENVIRONMENT))


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_the_same_file_refuses_the_start(file: Path, content: str | bytes) -> None:
    rewrite(file, content)

    with pytest.raises(ConfigurationError, match=r"keys\.yaml"):
        ring(file)


def test_a_file_that_is_gone_keeps_the_old_keys(file: Path, written: StringIO) -> None:
    keys = ring(file, written)

    file.unlink()
    keys.refresh()

    assert opened_by(keys) == ["ops", "old", None]
    assert "cannot be read" in written.getvalue()


def test_a_file_that_is_mended_is_taken_and_may_break_anew(
    file: Path, written: StringIO
) -> None:
    keys = ring(file, written)

    for content in ("", f"new: {NEW}", ""):
        rewrite(file, content)
        keys.refresh()

    assert opened_by(keys) == ["ops", None, "new"]
    kept, changed = ("error", "keys_kept"), ("warning", "keys_changed")
    assert logged(written) == [kept, changed, kept]


def test_a_file_that_was_never_readable_again_but_came_back_as_it_was_is_well(
    file: Path, written: StringIO
) -> None:
    keys = ring(file, written)
    aside = file.with_suffix(".aside")

    file.rename(aside)
    keys.refresh()
    aside.rename(file)
    keys.refresh()
    file.rename(aside)
    keys.refresh()

    assert opened_by(keys) == ["ops", "old", None]
    assert logged(written) == [("error", "keys_kept")] * 2


def test_a_change_is_logged_with_names_and_without_secrets(
    file: Path, written: StringIO
) -> None:
    keys = ring(file, written)

    rewrite(file, f"old: {OLD}\nnew: {NEW}")
    keys.refresh()

    assert logged(written) == [("warning", "keys_changed")]
    assert json.loads(written.getvalue())["names"] == ["new", "old", "ops"]
    assert not any(key in written.getvalue() for key in (OLD, NEW, ENVIRONMENT))


def test_a_file_that_says_the_same_is_no_change(file: Path, written: StringIO) -> None:
    keys = ring(file, written)

    rewrite(file, f"# written anew\nold: {OLD}")
    keys.refresh()

    assert opened_by(keys) == ["ops", "old", None]
    assert logged(written) == []


async def test_watching_takes_a_change_after_the_interval(file: Path) -> None:
    keys = ring(file, interval_s=0.001)
    watching = asyncio.create_task(keys.watch())

    rewrite(file, f"new: {NEW}")
    await until_new_opens(keys)
    watching.cancel()

    assert opened_by(keys) == ["ops", None, "new"]


async def test_a_longer_interval_takes_it_later(file: Path) -> None:
    slow, quick = ring(file, interval_s=1_000), ring(file, interval_s=0.001)
    watching = [asyncio.create_task(keys.watch()) for keys in (slow, quick)]

    rewrite(file, f"new: {NEW}")
    await until_new_opens(quick)
    for task in watching:
        task.cancel()

    assert opened_by(slow) == ["ops", "old", None]


async def test_without_a_file_there_is_nothing_to_watch() -> None:
    async with asyncio.timeout(10):
        await ring(None).watch()

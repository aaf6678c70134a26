"""A verdict comes back from its file as it was, and nothing else is taken for one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.service.verdict.samples import KEY, decided, verdict

from tsfm_runner.adapters.verdict_file import document_of, read_verdict, write_verdict
from tsfm_runner.domain.verdict import VerdictReason
from tsfm_runner.errors import ConfigurationError

FULL = verdict(
    decided(),
    decided(
        key=KEY._replace(segment="category=a: b,edge=<0.03", step_s=3_600),
        is_proven=False,
        reason=VerdictReason.COVERAGE_UNSURE,
        better_baseline="har",
        ratio=None,
        low=None,
        high=None,
        n=0,
    ),
    decided(key=KEY._replace(model_name="toto"), reason=VerdictReason.NOT_SIGNIFICANT),
    version=7,
)

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verdict.yaml"


def test_a_verdict_comes_back_as_it_was(path: Path) -> None:
    write_verdict(FULL, path)

    assert read_verdict(path) == FULL


def test_the_file_can_be_read_by_people(path: Path) -> None:
    write_verdict(FULL, path)

    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Where models are proven")
    assert "schema: tsfm-runner/verdict/1\nversion: 7\n" in text
    assert "  proven: true\n  reason: null\n" in text
    assert "  reason: coverage_unsure\n" in text


def test_numbers_are_rounded_to_what_matters(path: Path) -> None:
    write_verdict(verdict(decided(ratio=1 / 3)), path)

    [one] = read_verdict(path).segments
    assert one.ratio == 0.333333


def test_a_time_is_written_in_utc_whatever_zone_it_was_told_in() -> None:
    east = datetime(2026, 2, 20, 14, tzinfo=timezone(timedelta(hours=2)))

    document = document_of(replace(verdict(), decided_at=east))

    assert document["decided_at"] == "2026-02-20T12:00:00+00:00"


def test_a_time_may_be_written_as_yaml_writes_it(path: Path) -> None:
    document = document_of(FULL) | {"decided_at": datetime(2026, 2, 20, tzinfo=UTC)}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    assert read_verdict(path).decided_at == datetime(2026, 2, 20, tzinfo=UTC)


def test_a_new_verdict_takes_the_place_of_the_old_one_and_leaves_nothing(
    path: Path,
) -> None:
    write_verdict(verdict(), path)

    write_verdict(FULL, path)

    assert read_verdict(path) == FULL
    assert list(path.parent.iterdir()) == [path]


def test_a_verdict_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()

    with pytest.raises(ConfigurationError, match="folder cannot be written"):
        write_verdict(FULL, path)

    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        write_verdict(FULL, tmp_path / "absent" / "verdict.yaml")


def without(name: str) -> Change:
    return lambda document: document.pop(name)


def with_field(name: str, value: object) -> Change:
    return lambda document: document.update({name: value})


def segment_with(name: str, value: object) -> Change:
    return lambda document: document["segments"][0].update({name: value})


def segment_without(name: str) -> Change:
    return lambda document: document["segments"][0].pop(name)


def twice(document: dict[str, Any]) -> None:
    document["segments"].append(document["segments"][1])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without("schema"), "schema: Field required"),
        (with_field("schema", "tsfm-runner/verdict/2"), "schema: Input should be"),
        (with_field("version", 0), "version: Input should be greater"),
        (with_field("decided_at", "soon"), "decided_at: Input should be"),
        (with_field("decided_at", "2026-02-20T12:00:00"), "decided_at: .*timezone"),
        (with_field("source", "hearsay"), "source: Input should be"),
        (with_field("baselines", ["arima"]), "baselines.0: Input should be"),
        (with_field("models", []), "models: Extra inputs are not permitted"),
        (without("segments"), "segments: Field required"),
        (segment_without("segment"), "segments.0.segment: Field required"),
        (segment_with("proved", True), "segments.0.proved: Extra inputs"),
        (segment_with("proven", "maybe"), "segments.0.proven: Input should be"),
        (segment_with("reason", "a_whim"), "segments.0.reason: Input should be"),
        (segment_with("proven", False), "segments.0: what is not proven needs a reas"),
        (segment_with("better_baseline", "x"), "segments.0.better_baseline: Input"),
        (segment_with("step_s", 1), "segments.0.step_s: Input should be greater"),
        (segment_with("ratio", float("nan")), "segments.0.ratio: Input should be"),
        (segment_with("n", -1), "segments.0.n: Input should be greater"),
        (segment_with("n", None), "segments.0.n: Input should be a valid integer"),
        (twice, "segments.3 is there twice"),
    ],
)
def test_a_field_that_is_wrong_is_named(change: Change, told: str, path: Path) -> None:
    document = document_of(FULL)
    change(document)
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    with pytest.raises(ConfigurationError, match=f"verdict.yaml: {told}"):
        read_verdict(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Field required"),
        (b"[1]", "must hold a mapping"),
        (b"schema: [", "is not valid YAML"),
        (b"schema: 1\nschema: 2\n", "names 'schema' twice"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_no_verdict_is_refused(content: bytes, told: str, path: Path) -> None:
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=told):
        read_verdict(path)


def test_of_many_faults_the_first_are_told_and_the_rest_counted(path: Path) -> None:
    document = document_of(FULL)
    document["segments"] = [{}]
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    with pytest.raises(ConfigurationError) as told:
        read_verdict(path)

    assert str(told.value).endswith("; and 11 more")
    assert str(told.value).count("Field required") == 5


def test_a_file_that_is_gone_is_refused(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_verdict(path)

"""What lies beside a model file is read with it, and its checksum holds for it."""

import json
from pathlib import Path

import pytest
from tests.adapters.models.graphs import model_bytes
from tests.adapters.models.samples import candidate

from tsfm_runner.adapters.models.adding import write_model
from tsfm_runner.adapters.models.companion import (
    Companion,
    read_bounded,
    read_local,
    require_checksum,
)
from tsfm_runner.adapters.models.store import sha256_of
from tsfm_runner.errors import ModelFileError, UnreadableInputError

WHOLE = model_bytes()
DIGEST = sha256_of(WHOLE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.onnx"
    path.write_bytes(WHOLE)
    return path


def test_a_file_may_stand_alone(file: Path) -> None:
    assert read_local(file) == (WHOLE, None, None)


def test_what_tells_of_a_file_stands_beside_it(file: Path) -> None:
    told = {"sha256": DIGEST, "license_name": "MIT", "license_tag": "commercial_ok"}
    file.with_name("my.onnx.json").write_text(json.dumps(told), encoding="utf-8")

    companion = read_local(file).companion

    assert companion is not None
    assert companion.said() == {"license_name": "MIT", "license_tag": "commercial_ok"}


def test_a_file_that_is_not_the_one_that_is_told_of_is_refused(file: Path) -> None:
    told = {"sha256": sha256_of(b"other")}
    file.with_name("my.onnx.json").write_text(json.dumps(told), encoding="utf-8")

    with pytest.raises(UnreadableInputError, match=f"SHA-256 {DIGEST}"):
        read_local(file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": "abc"}'])
def test_what_tells_nothing_of_a_file_is_refused(file: Path, text: str) -> None:
    file.with_name("my.onnx.json").write_text(text, encoding="utf-8")

    with pytest.raises(UnreadableInputError, match=r"my\.onnx\.json: "):
        read_local(file)


def test_a_folder_of_a_model_brings_its_known_answers(tmp_path: Path) -> None:
    one = candidate(added_at=None)
    write_model(one, tmp_path)

    content, companion, known = read_local(tmp_path)

    assert content == WHOLE
    assert companion is not None
    assert companion.said()["name"] == "tiny"
    assert known is not None
    assert known.contexts == one.golden.contexts


def test_a_folder_of_nothing_but_a_model_is_enough(tmp_path: Path) -> None:
    tmp_path.joinpath("model.onnx").write_bytes(WHOLE)

    assert read_local(tmp_path) == (WHOLE, None, None)


def test_known_answers_that_are_damaged_are_refused(tmp_path: Path) -> None:
    write_model(candidate(added_at=None), tmp_path)
    tmp_path.joinpath("golden.json").write_text("{", encoding="utf-8")

    with pytest.raises(ModelFileError, match=r"golden\.json"):
        read_local(tmp_path)


def test_what_cannot_be_read_or_is_too_large_is_refused(file: Path) -> None:
    n_bytes = len(WHOLE)

    assert read_bounded(file, max_bytes=n_bytes) == WHOLE
    with pytest.raises(UnreadableInputError, match="holds more than"):
        read_bounded(file, max_bytes=n_bytes - 1)
    with pytest.raises(UnreadableInputError, match="No such file"):
        read_local(file.with_name("other.onnx"))
    with pytest.raises(UnreadableInputError, match="name too long"):
        read_local(file.with_name("x" * 300))


def test_a_checksum_is_of_these_bytes_or_refused() -> None:
    require_checksum(WHOLE, DIGEST, place="my.onnx")

    with pytest.raises(UnreadableInputError, match=r"^my\.onnx has 4 bytes with"):
        require_checksum(WHOLE[:4], DIGEST, place="my.onnx")


def test_what_tells_of_a_file_may_tell_more_than_is_asked() -> None:
    manifest = candidate().manifest.model_dump_json().encode()

    assert Companion.parse(manifest, place="here").sha256 == DIGEST

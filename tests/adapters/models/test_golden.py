"""Known answers come back as they were, and belong to what models are shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tsfm_runner.adapters.models.golden import (
    Context,
    Golden,
    inputs_of,
    read_golden,
    usual_contexts,
    write_golden,
)
from tsfm_runner.core.foundation.inputs import model_inputs
from tsfm_runner.errors import ModelFileError

CONTEXTS = usual_contexts()
OFFSETS = np.random.default_rng(20261126).normal(size=(len(CONTEXTS), 2, 3))
GOLDEN = Golden(CONTEXTS, OFFSETS.astype(np.float32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "golden.json"


def test_known_answers_come_back_as_they_were(path: Path) -> None:
    write_golden(GOLDEN, path)

    read = read_golden(path)

    assert read.contexts == CONTEXTS
    np.testing.assert_allclose(read.offsets, GOLDEN.offsets, atol=1e-6)


def test_the_usual_contexts_are_always_the_same_and_of_every_kind() -> None:
    lengths = {len(one.prices) for one in CONTEXTS}

    assert usual_contexts() == CONTEXTS
    assert {1, 2, 12, 288} <= lengths
    assert any(one.gaps for one in CONTEXTS)
    assert any(one.steps_to_close for one in CONTEXTS)
    assert {0.0, 1.0} <= {price for one in CONTEXTS for price in one.prices}
    assert len({one.step_minutes for one in CONTEXTS}) >= 4


def test_a_context_is_shown_with_its_newest_price_last() -> None:
    context = Context(
        prices=(0.4, 0.4, 0.42), gaps=(1,), step_minutes=15, steps_to_close=8
    )
    prices, is_observed = np.full((1, 288), 0.9), np.ones((1, 288), dtype=bool)
    prices[0, -3:], is_observed[0, -2] = (0.4, 0.4, 0.42), False

    shown = inputs_of((context,))

    expected = model_inputs(
        prices, np.array([3]), is_observed, np.array([15.0]), np.array([8.0])
    )
    assert shown.last.tolist() == [0.42]
    np.testing.assert_array_equal(shown.features, expected.features)
    np.testing.assert_array_equal(shown.channels, expected.channels)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d.pop("schema"), "schema: Field required"),
        (lambda d: d["contexts"].pop(), "as many offsets as contexts"),
        (lambda d: d["offsets"][0].pop(), "the same steps and levels"),
        (lambda d: d["offsets"][0][0].pop(), "the same steps and levels"),
        (lambda d: d["offsets"][0][0].insert(0, None), "offsets.0.0.0: "),
        (lambda d: d["contexts"][0]["prices"].append(0.5), "contexts.0.prices: "),
        (lambda d: d["contexts"][0].update(prices=[1.5]), "contexts.0.prices.0: "),
        (lambda d: d["contexts"][0].update(step_minutes=0), "step_minutes: "),
        (lambda d: d.update(contexts=[], offsets=[]), "contexts: "),
    ],
)
def test_what_is_wrong_is_named(
    path: Path, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    write_golden(GOLDEN, path)
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(ModelFileError) as caught:
        read_golden(path)

    assert told in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_a_damaged_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(ModelFileError, match=r"golden\.json"):
        read_golden(path)

"""A model answers each market alone as it does among others, and its mirror."""

from pathlib import Path

import numpy as np
import pytest
from tests.adapters.embedded.stored import store_model
from tests.adapters.models.graphs import LEVELS, Flaw

from tsfm_runner.adapters.embedded import Shown, open_model
from tsfm_runner.adapters.onnx_session import OnnxError
from tsfm_runner.errors import ModelFileError


def walks(n_markets: int, *, seed: int = 20260220) -> Shown:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.01, size=(n_markets, 288))
    return Shown(
        np.clip(0.5 + np.cumsum(steps, axis=1), 0, 1),
        rng.integers(1, 289, size=n_markets),
        rng.random((n_markets, 288)) < 0.9,
        np.full(n_markets, 5.0),
        np.where(rng.random(n_markets) < 0.5, 40.0, np.nan),
    )


def test_bands_are_prices_that_ascend(tmp_path: Path) -> None:
    model = open_model(store_model(tmp_path), threads=1)

    values = model.quantiles(walks(5), horizon=288)

    assert values.shape == (5, 288, len(LEVELS))
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values, axis=2) >= 0).all()


def test_a_market_gets_the_same_band_alone_and_among_many(tmp_path: Path) -> None:
    model = open_model(store_model(tmp_path), threads=1)
    many = walks(150)

    together = model.quantiles(many, horizon=4)

    for row in (0, 63, 64, 149):
        alone = model.quantiles(many.at(slice(row, row + 1)), horizon=4)
        assert alone[0] == pytest.approx(together[row], abs=1e-6)


def test_the_opposite_outcome_gets_the_mirrored_band(tmp_path: Path) -> None:
    model = open_model(store_model(tmp_path), threads=1)
    yes = walks(20)

    of_yes = model.quantiles(yes, horizon=12)
    of_no = model.quantiles(yes._replace(prices=1 - yes.prices), horizon=12)

    assert of_no == pytest.approx(1 - of_yes[..., ::-1], abs=1e-6)


@pytest.mark.parametrize("flaw", ["infinite", "not_a_number"])
def test_a_band_without_numbers_is_no_band(tmp_path: Path, flaw: Flaw) -> None:
    model = open_model(store_model(tmp_path, flaw), threads=1)

    assert np.isnan(model.quantiles(walks(3), horizon=2)).all()


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ("few_features", "cannot be used"),
        ("other_answer", "cannot be used"),
        ("few_levels", r"answered numbers of shape \(2, 6, 6\), not \(2, 6, 7\)"),
    ],
)
def test_a_file_that_holds_another_kind_of_model_is_refused(
    tmp_path: Path, flaw: Flaw, told: str
) -> None:
    stored = store_model(tmp_path, flaw)

    with pytest.raises(ModelFileError, match=told) as caught:
        open_model(stored, threads=1)

    assert "models verify tiny@1" in str(caught.value)


def test_a_damaged_file_is_refused_with_what_was_found(tmp_path: Path) -> None:
    stored = store_model(tmp_path)
    content = bytearray(stored.file.read_bytes())
    content[100] ^= 1
    stored.file.write_bytes(content)

    with pytest.raises(ModelFileError, match="is damaged") as caught:
        open_model(stored, threads=1)

    assert stored.manifest.sha256 in str(caught.value)


def test_a_model_that_cannot_take_more_than_it_was_tried_with_is_told(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelFileError, match="cannot be used"):
        open_model(store_model(tmp_path, "fixed_batch"), threads=1)


def test_an_error_of_the_model_is_one_of_ours(tmp_path: Path) -> None:
    model = open_model(store_model(tmp_path), threads=1)
    wide = np.zeros((1, 7), dtype=np.float32)

    with pytest.raises(OnnxError):
        model.offsets(wide, np.zeros((1, 3, 288), dtype=np.float32))

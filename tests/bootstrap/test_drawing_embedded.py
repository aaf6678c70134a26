"""A model in a study is shown the very same as in the service."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.adapters.embedded.stored import store_model
from tests.evaluation.recordings import STEP_S, make_design, make_market

from tsfm_runner.adapters.embedded import EmbeddedModel, open_model
from tsfm_runner.bootstrap.drawing_embedded import bands_of
from tsfm_runner.bootstrap.studying import draw_served
from tsfm_runner.config import EmbeddedConfig, Settings
from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.evaluation.design import Part
from tsfm_runner.evaluation.drawing_directly import Asked, Drawer, draw_directly

HORIZON = 2
KNOWN = 2  # the channel that tells which prices are known


class Watched:
    """A session that keeps what it was shown."""

    def __init__(self, model: EmbeddedModel) -> None:
        self._session = model.session
        self.channels = np.empty((0, 3, CONTEXT_STEPS), dtype=np.float32)

    def run(self, output: str, inputs: Mapping[str, Float32Array]) -> Float32Array:
        self.channels = inputs["channels"]
        return self._session.run(output, inputs)


def test_a_price_that_was_not_recorded_is_shown_as_such(tmp_path: Path) -> None:
    model = open_model(store_model(tmp_path), threads=1)
    session = Watched(model)
    contexts = np.full((2, 40), 0.5)
    contexts[1, :10] = np.nan
    is_observed = np.isfinite(contexts)
    is_observed[0, 20:23] = False

    bands_of(
        replace(model, session=session),
        HORIZON,
        Asked(contexts, is_observed, 5.0, np.full(2, np.nan)),
    )

    known = session.channels[:2, KNOWN]
    assert np.unique(known[0, -40:][is_observed[0]]).tolist() == [1.0]
    assert np.unique(known[0, -20:-17]).tolist() == [0.0]
    assert known[1].sum() == 30 - (CONTEXT_STEPS - 30)


def test_bands_are_those_of_the_service_where_prices_are_missing(
    tmp_path: Path,
) -> None:
    model = open_model(store_model(tmp_path), threads=1)
    prices = 0.3 + 0.01 * (np.arange(340) % 7)
    prices[5:330:3] = np.nan
    prices[6:330:3] = np.nan
    part = Part("part", STEP_S, (make_market("m", prices),))
    embedded = EmbeddedConfig(models_dir=tmp_path, model="tiny")
    design = make_design(horizon=HORIZON, settings=Settings(embedded=embedded))
    own, ewma = ("tiny", "1"), ("ewma", "1")

    def bands(asked: Asked) -> np.ndarray:
        return bands_of(model, HORIZON, asked)

    levels = model.manifest.quantile_levels
    direct = draw_directly(part, design, Drawer(own, levels, bands), ewma)
    served = draw_served(part, design, choice=ModelChoice("embedded"), own=own)

    is_own = direct["models"] == 0
    assert is_own.sum() == 340 - 31
    np.testing.assert_array_equal(direct["reasons"], served["reasons"])
    np.testing.assert_allclose(
        direct["values"][is_own], served["values"][is_own], atol=1e-6
    )

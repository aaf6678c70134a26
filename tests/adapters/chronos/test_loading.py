"""Tiny checkpoints with random weights go through the real library, both kinds.

What they forecast means nothing; that it is finite, of the right shape and the same
each time is what the runtime owes.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.adapters.chronos.fakes import call_of, series

from tsfm_runner.adapters.chronos import chronos_revisions, open_chronos
from tsfm_runner.adapters.chronos.loading import load_models
from tsfm_runner.config import ChronosConfig
from tsfm_runner.domain.forecast import ModelSeries, QuantileForecast
from tsfm_runner.errors import ConfigurationError

if find_spec("chronos") is None:
    pytest.skip(
        "chronos-forecasting is not installed (pip install 'tsfm-runner[chronos]')",
        allow_module_level=True,
    )

LATE_S = 60.0
KINDS = ("two", "bolt")
WAVE = np.sin(np.arange(60) / 4)


@pytest.fixture(scope="module", name="folders")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.adapters.chronos import tiny  # noqa: PLC0415 - needs the extra

    folder = tmp_path_factory.mktemp("checkpoints")
    tiny.make_chronos_2(folder / "two")
    tiny.make_bolt(folder / "bolt")
    return folder


def _config(folders: Path, **changes: object) -> ChronosConfig:
    models = {kind: str(folders / kind) for kind in KINDS}
    return ChronosConfig.model_validate({"models": models, **changes})


async def _forecast(
    folders: Path, kind: str, many: Sequence[ModelSeries], *, horizon: int = 12
) -> list[QuantileForecast]:
    call = replace(call_of(*many, horizon=horizon), model_name=kind)
    async with open_chronos(_config(folders)) as runtime:
        answers = await runtime.predict(call, timeout_s=LATE_S)
    assert all(isinstance(one, QuantileForecast) for one in answers)
    return [one for one in answers if isinstance(one, QuantileForecast)]


@pytest.mark.parametrize("kind", KINDS)
async def test_both_kinds_forecast_the_same_each_time(folders: Path, kind: str) -> None:
    many = [series(*WAVE), series(*WAVE[:5]), series(0.5, 0.5)]

    first = await _forecast(folders, kind, many)
    again = await _forecast(folders, kind, many)

    assert [one.values.shape for one in first] == [(12, 3)] * 3
    assert np.ptp(first[0].values) > 0
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_series_in_a_batch_is_forecast_as_it_is_alone(
    folders: Path, kind: str
) -> None:
    many = [series(*WAVE[:20]), series(*WAVE), series(*WAVE[7:50] * 3)]

    together = await _forecast(folders, kind, many)

    for one, alone in zip(together, many, strict=True):
        [by_itself] = await _forecast(folders, kind, [alone])
        np.testing.assert_allclose(one.values, by_itself.values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_filled_forward_is_no_price(folders: Path, kind: str) -> None:
    is_observed = np.ones(60, dtype=bool)
    is_observed[20:30] = False
    filled, elsewhere = WAVE.copy(), WAVE.copy()
    filled[20:30], elsewhere[20:30] = WAVE[19], -3.0

    many = [
        series(*filled, is_observed=is_observed.tolist()),
        series(*elsewhere, is_observed=is_observed.tolist()),
        series(*filled),
    ]
    one, other, taken_for_prices = await _forecast(folders, kind, many)

    np.testing.assert_array_equal(one.values, other.values)
    assert not np.allclose(one.values, taken_for_prices.values)


@pytest.mark.parametrize("kind", KINDS)
async def test_beyond_its_training_a_model_goes_on_and_says_so(
    folders: Path, kind: str
) -> None:
    [answer] = await _forecast(folders, kind, [series(*WAVE)], horizon=40)

    assert answer.values.shape == (40, 3)
    assert answer.warnings == ("horizon_beyond_training",)


async def test_chronos_2_looks_at_covariates_of_the_past_and_of_the_future(
    folders: Path,
) -> None:
    past, future = WAVE.tolist(), np.linspace(0, 1, 12).tolist()
    many = [
        series(*WAVE),
        series(*WAVE, past={"volume": past}),
        series(*WAVE, past={"volume": past}, future={"volume": future}),
        series(*WAVE, past={"volume": past, "x": past}, future={"x": future}),
    ]

    answers = await _forecast(folders, "two", many)

    assert len({one.values.tobytes() for one in answers}) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_the_registry_says_what_the_loaded_model_can_do(
    folders: Path, kind: str
) -> None:
    config = _config(folders)
    known, model = load_models(config)[kind]
    pipeline: Any = model.pipeline

    assert known in chronos_revisions(config)
    assert known.capabilities.quantile_levels == tuple(pipeline.quantiles)
    assert known.capabilities.max_context == pipeline.model_context_length


def test_the_thread_that_computes_uses_as_many_threads_as_are_set(
    folders: Path,
) -> None:
    import torch  # noqa: PLC0415 - of the extra

    with ThreadPoolExecutor(max_workers=1) as executor:
        for threads in (2, 1):
            executor.submit(load_models, _config(folders, threads=threads)).result()
            assert executor.submit(torch.get_num_threads).result() == threads


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_have_the_precision_that_is_set(folders: Path, dtype: str) -> None:
    for _, model in load_models(_config(folders, dtype=dtype)).values():
        pipeline: Any = model.pipeline
        assert str(pipeline.model.dtype) == f"torch.{dtype}"
        assert str(pipeline.model.device) == "cpu"


def test_a_device_that_is_not_there_stops_the_start(folders: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"chronos.models.two: .* on abacus:0"):
        load_models(_config(folders, device="abacus:0"))


def _copied(folders: Path, place: Path) -> Path:
    return Path(shutil.copytree(folders / "bolt", place / "bolt"))


def _mine(folder: Path) -> ChronosConfig:
    return ChronosConfig.model_validate({"models": {"mine": str(folder)}})


def test_damaged_weights_stop_the_start(folders: Path, tmp_path: Path) -> None:
    folder = _copied(folders, tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])

    with pytest.raises(ConfigurationError, match=r"chronos.models.mine: .* loaded"):
        load_models(_mine(folder))


def test_weights_that_are_not_all_there_stop_the_start(
    folders: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415 - of the extra

    weights = _copied(folders, tmp_path) / "model.safetensors"
    held = load_file(weights)
    del held["output_patch_embedding.output_layer.weight"]
    save_file(held, weights, metadata={"format": "pt"})

    with pytest.raises(ConfigurationError, match="1 of its weights are not in"):
        load_models(_mine(weights.parent))


def test_weights_of_another_kind_stop_the_start(folders: Path, tmp_path: Path) -> None:
    folder = _copied(folders, tmp_path)
    shutil.copy(folders / "two" / "model.safetensors", folder)

    with pytest.raises(ConfigurationError, match=r"chronos.models.mine: "):
        load_models(_mine(folder))


_LOOK_UP = """
import sys
from tsfm_runner.adapters.chronos import chronos_revisions
from tsfm_runner.config import ChronosConfig
from tsfm_runner.errors import ConfigurationError

models = {"mine": {"source": "amazon/chronos-bolt-none", "hub_revision": sys.argv[2]}}
may_download = sys.argv[1] == "may"
config = ChronosConfig.model_validate(
    {"models": models, "allow_download": may_download}
)
try:
    [known] = chronos_revisions(config)
    print(known.license_name, known.capabilities.max_context)
except ConfigurationError as failure:
    print(failure)
"""


def _looked_up(home: Path, *arguments: str) -> str:
    # The library reads where its cache lies once, when it is imported.
    environ = os.environ | {
        "HF_HOME": str(home),
        "HF_ENDPOINT": "http://127.0.0.1:9",  # nobody answers there
    }
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", _LOOK_UP, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_hub_name_is_what_was_fetched_before_and_asks_nobody(
    folders: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "hub" / "models--amazon--chronos-bolt-none"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(folders / "bolt", kept / "snapshots" / commit)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(commit, encoding="utf-8")

    assert _looked_up(tmp_path, "must not", "main") == "apache-2.0 64"
    assert _looked_up(tmp_path, "must not", commit) == "apache-2.0 64"
    told = _looked_up(tmp_path, "must not", "v2")
    assert told.startswith("chronos.models.mine: amazon/chronos-bolt-none is no folder")
    assert "(chronos.allow_download is false)" in told


def test_a_checkpoint_is_fetched_only_where_that_is_allowed(tmp_path: Path) -> None:
    told = _looked_up(tmp_path, "may", "main")

    assert "could not be fetched from the hub" in told

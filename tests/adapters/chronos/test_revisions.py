"""The registry learns what a checkpoint can do, and never guesses its licence."""

from pathlib import Path

import pytest

from tsfm_runner.adapters.chronos import chronos_revisions
from tsfm_runner.adapters.chronos.checkpoint import Checkpoint, Kind
from tsfm_runner.adapters.chronos.revisions import describe
from tsfm_runner.config import ChronosConfig
from tsfm_runner.domain.model import Capabilities, ModelRevision


def _described(
    source: object, *, kind: Kind = "Chronos2Pipeline", batch_size: int = 16
) -> ModelRevision:
    config = ChronosConfig.model_validate(
        {"models": {"mine": source}, "batch_size": batch_size}
    )
    found = Checkpoint("mine", Path("x"), "abc", kind, 512, (0.1, 0.5, 0.9))
    return describe(found, config)


def test_chronos_2_takes_covariates() -> None:
    known = _described("amazon/chronos-2", batch_size=8)

    assert (known.name, known.provider, known.family) == ("mine", "embedded", "chronos")
    assert known.revision == "abc"
    assert known.capabilities == Capabilities(
        quantile_levels=(0.1, 0.5, 0.9),
        max_context=512,
        past_covariates=True,
        future_covariates=True,
        max_series_per_call=8,
    )


def test_chronos_bolt_takes_none() -> None:
    can = _described("amazon/chronos-bolt-tiny", kind="ChronosBoltPipeline")

    assert not can.capabilities.past_covariates
    assert not can.capabilities.future_covariates


@pytest.mark.parametrize(
    ("source", "licence"),
    [
        ("amazon/chronos-2", ("apache-2.0", "commercial_ok")),
        ("amazon/chronos-bolt-base", ("apache-2.0", "commercial_ok")),
        ("amazon/other", ("unknown", "unknown")),
        ("somebody/chronos-2", ("unknown", "unknown")),
        ("./amazon/chronos-2", ("unknown", "unknown")),
        (
            {"source": "x", "license_name": "mit", "license_tag": "commercial_ok"},
            ("mit", "commercial_ok"),
        ),
        (
            {
                "source": "amazon/chronos-2",
                "license_name": "cc-by-nc-4.0",
                "license_tag": "research_only",
            },
            ("cc-by-nc-4.0", "research_only"),
        ),
    ],
)
def test_a_licence_is_what_was_said_or_that_of_the_owners_own_models(
    source: object, licence: tuple[str, str]
) -> None:
    known = _described(source)

    assert (known.license_name, known.license_tag) == licence


def test_a_description_tells_no_folder() -> None:
    assert "secret" not in _described("./secret").description
    assert "amazon/chronos-2" in _described("amazon/chronos-2").description


def test_nothing_configured_is_nothing_in_the_registry() -> None:
    assert chronos_revisions(ChronosConfig()) == []

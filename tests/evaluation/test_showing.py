"""The markets that a report draws are the worst and the best, with their bands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.evaluation import plain_scores as plain
from tests.evaluation.recordings import make_design, make_market, walk
from tests.evaluation.studies import (
    TOLD,
    MemoryStore,
    baselines,
    planned,
    studied,
    times_of,
)

from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.evaluation.banding import band_frames
from tsfm_runner.evaluation.document import DataTold, document_of
from tsfm_runner.evaluation.schema import DrawnMarket
from tsfm_runner.evaluation.study import Plan

DESIGN = make_design(horizon=1, quantile_levels=(0.1, 0.5, 0.9))
NAMES = [f"m{place:02d}" for place in range(32)]
N_POINTS = 110


def planned_with(markets: list[RecordedMarket]) -> Plan:
    return planned(markets, baselines("ewma"), DESIGN, split="event")


def recorded() -> tuple[list[RecordedMarket], dict[str, str]]:
    """Return markets of one event each; some of those held out are peculiar."""
    stubs = [make_market(name, [0.4, 0.5, 0.4]) for name in NAMES]
    held_out = sorted(planned_with(stubs).split.held_out)
    assert len(held_out) == 13
    long, constant, short = held_out[:3]
    rng = np.random.default_rng(8)
    lengths = {long: 320, short: 60}
    paths = {name: walk(rng, lengths.get(name, N_POINTS)) for name in held_out}
    paths[constant] = np.full(N_POINTS, 0.4)
    paths |= {name: walk(rng, 20) for name in set(NAMES) - set(held_out)}
    markets = [make_market(name, paths[name]) for name in NAMES]
    return markets, {"long": long, "constant": constant, "short": short}


@dataclass(frozen=True, slots=True)
class Shown:
    """The markets that are drawn, and all bands of the study."""

    drawn: list[DrawnMarket]
    peculiar: Mapping[str, str]
    bands: pl.DataFrame
    outcomes: list[plain.Outcome]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    markets, peculiar = recorded()
    store, path = MemoryStore(), tmp_path_factory.mktemp("bands") / "bands.parquet"
    study = studied(planned_with(markets), store)
    pl.concat(band_frames(study, store)).write_parquet(path)
    questions = {peculiar["long"]: "For how long?"}
    told = DataTold(TOLD.name, TOLD.sha256, questions=questions)
    return Shown(
        document_of(study, told)["markets"],
        peculiar,
        pl.read_parquet(path),
        outcomes_in(path, markets),
    )


def outcomes_in(path: Path, markets: list[RecordedMarket]) -> list[plain.Outcome]:
    prices = {one.market_id: times_of(one) for one in markets}
    groups = {one.market_id: one.group for one in markets}
    return [
        one
        for one in plain.read_outcomes(path, prices, groups)
        if one.entry == "ewma/calibrated"
    ]


def test_the_worst_are_furthest_off_and_the_best_of_the_rest_nearest(
    shown: Shown,
) -> None:
    means = {
        members[0].market: plain.each_alike(members)
        for members in plain.by(shown.outcomes, lambda one: one.market)
        if len(members) >= 100
    }
    del means[shown.peculiar["constant"]]
    merits = {
        name: (-plain.tie_error(one, 0.8), one["wis"] / one["absolute error"])
        for name, one in means.items()
    }
    worst = sorted(merits, key=lambda name: (merits[name][0], merits[name][1]))[:4]
    best = sorted(
        set(merits) - set(worst), key=lambda name: (-merits[name][0], merits[name][1])
    )[:4]

    found = [(one["place"], one["market_id"]) for one in shown.drawn]

    assert len(means) == 11
    assert found == [("worst", name) for name in worst] + [
        ("best", name) for name in best
    ]
    for one in shown.drawn:
        own = means[one["market_id"]]
        assert one["wis"] == pytest.approx(own["wis"], abs=1e-9)
        assert one["error"] == pytest.approx(plain.tie_error(own, 0.8), abs=1e-9)


def test_bands_stand_at_the_times_of_their_outcomes(shown: Shown) -> None:
    entry = pl.col("entry") == "ewma/calibrated"

    for one in shown.drawn:
        rows = shown.bands.filter(entry, pl.col("market_id") == one["market_id"])
        rows = rows.sort("cutoff").tail(300)
        moments = [
            (at + plain.STEPS["5m"]).astimezone(UTC).isoformat()
            for at in rows["cutoff"].to_list()
        ]
        assert one["times"] == moments
        assert one["prices"] == rows["y"].to_list()
        assert one["prices"][-1] is None
        [band] = one["bands"]
        assert band["coverage"] == 0.8
        for side, level in ((band["lower"], 0.1), (band["upper"], 0.9)):
            assert side == pytest.approx(rows[f"q{level}"].to_list(), abs=1e-6)
        assert one["median"] == pytest.approx(rows["q0.5"].to_list(), abs=1e-6)
        assert datetime.fromisoformat(one["times"][0]).tzinfo is not None


def test_of_a_long_market_the_last_300_moments_are_drawn(shown: Shown) -> None:
    lengths = {one["market_id"]: len(one["times"]) for one in shown.drawn}

    assert set(lengths.values()) <= {N_POINTS - 1, 300}
    assert lengths.get(shown.peculiar["long"], 300) == 300


def test_markets_are_shown_with_their_question_where_it_is_known(
    shown: Shown,
) -> None:
    for one in shown.drawn:
        is_asked = one["market_id"] == shown.peculiar["long"]
        assert one["question"] == ("For how long?" if is_asked else None)


def test_the_best_calibrated_entry_is_shown_at_its_last_step(shown: Shown) -> None:
    assert {(one["entry"], one["freq"], one["step"]) for one in shown.drawn} == {
        ("ewma/calibrated", "5m", 1)
    }

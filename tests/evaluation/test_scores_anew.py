"""The scores of a study agree with those computed anew from its bands."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.cli.command_line import run
from tests.evaluation import plain_scores as plain
from tests.evaluation.plain_scores import Outcome, by
from tests.evaluation.recordings import make_design, make_market, walk
from tests.evaluation.studies import segments_at, table_of, times_of

from tsfm_runner.domain.recording import RecordedMarket

HORIZON = 3
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
COVERAGES = (0.5, 0.8, 0.9)
TOLERANCE = 1e-9


def recorded() -> list[RecordedMarket]:
    """Eight events, each with two markets of five minutes and one of an hour.

    An hour's markets have 30 outcomes at the last step, just enough to be near.
    """
    rng = np.random.default_rng(20260220)
    found = []
    for event in range(8):
        group = f"event-{event}"
        for name in ("a", "b"):
            prices = walk(rng, 90 + 3 * event)
            found.append(make_market(f"{group}{name}", prices, group=group))
        prices = walk(rng, 34, tick=0.02)
        hourly = make_market(f"{group}h", prices, group=group, step_s=3_600)
        found.append(hourly)
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """What a study wrote, and every outcome that it scored."""

    document: dict[str, Any]
    markets: pl.DataFrame
    outcomes: list[Outcome]
    segments: Mapping[tuple[str, datetime], str]

    def of(self, row: Mapping[str, Any]) -> list[Outcome]:
        """Return the outcomes that a row of a table is about."""
        return [
            one
            for one in self.outcomes
            if one.entry == row["entry"]
            and row["freq"] in ("all", one.freq)
            and row["step"] in (None, one.step)
        ]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder, markets = tmp_path_factory.mktemp("study"), recorded()
    table_of(markets).write_parquet(folder / "prices.parquet")
    options = ["--model", "ewma,har", "--horizon", HORIZON, "--split", "event"]
    result = run(
        *("evaluate", folder / "prices.parquet", *options, "--bands"),
        *("--jobs", 1, "--out", folder / "out"),
    )
    assert result.exit_code == 0, result.output
    return Found(
        json.loads((folder / "out" / "scores.json").read_text()),
        pl.read_parquet(folder / "out" / "scores.parquet"),
        _outcomes(folder / "out" / "bands.parquet", markets),
        segments_at(markets, make_design(horizon=HORIZON)),
    )


def _outcomes(bands: Path, markets: list[RecordedMarket]) -> list[Outcome]:
    prices = {one.market_id: times_of(one) for one in markets}
    return plain.read_outcomes(
        bands, prices, {one.market_id: one.group for one in markets}
    )


def assert_agree(told: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Hold every expected number against what is told under the same name."""
    for name, number in expected.items():
        if number is None:
            assert told[name] is None, name
        else:
            assert told[name] == pytest.approx(number, rel=0, abs=TOLERANCE), name


def counts(outcomes: list[Outcome]) -> dict[str, int]:
    return {
        "n": len(outcomes),
        "n_markets": len({one.market for one in outcomes}),
        "n_groups": len({one.group for one in outcomes}),
    }


def test_there_is_enough_to_compare(found: Found) -> None:
    entries = ["ewma/raw", "ewma/calibrated", "har/raw", "har/calibrated"]
    tables = found.document["overall"]

    assert [one["entry"] for one in found.document["entries"]] == entries
    keys = {
        (one["entry"], one["freq"], one["step"], one["weighting"]) for one in tables
    }
    assert len(tables) == len(keys) == 4 * 3 * (HORIZON + 1) * 2
    assert {one.freq for one in found.outcomes} == {"5m", "1h"}
    assert counts(found.outcomes)["n_groups"] == 3
    assert len({one.age for one in found.outcomes}) > 72


@pytest.mark.parametrize("weighting", ["group", "origin"])
def test_the_table_over_all_markets_agrees(found: Found, weighting: str) -> None:
    rows = [row for row in found.document["overall"] if row["weighting"] == weighting]
    n_followed = 0

    for row in rows:
        outcomes = found.of(row)
        means = plain.WEIGHTINGS[weighting](outcomes)
        assert_agree(row, counts(outcomes) | plain.pooled(means))
        n_followed += bool(row["follow_through"])
        for told, coverage in zip(row["intervals"], COVERAGES, strict=True):
            assert_agree(told, plain.interval_of(means, coverage))
            near = None if row["step"] is None else plain.near(outcomes, coverage)
            assert_agree(told, {"near": near})
        for told, level in zip(row["levels"], LEVELS, strict=True):
            assert_agree(told, plain.level_of(means, level))

    assert n_followed > len(rows) / 2


def test_every_mean_lies_within_its_interval(found: Found) -> None:
    rows = [
        part
        for table in ("overall", "segments", "cold_start")
        for row in found.document[table]
        for part in (*row["intervals"], *row.get("levels", []))
    ]

    n_checked = 0
    for row in rows:
        for name, high in row.items():
            if name.endswith("_high") and high is not None:
                value = row[name.removesuffix("_high")]
                low = row[name.replace("_high", "_low")]
                assert low - TOLERANCE <= value <= high + TOLERANCE, row
                n_checked += 1
    assert n_checked > len(rows)


def test_the_table_of_segments_agrees(found: Found) -> None:
    rows = found.document["segments"]

    for row in rows:
        segment = row["segment"]
        outcomes = [
            one
            for one in found.of(row)
            if found.segments[one.market, one.cutoff] == segment
        ]
        means = plain.groups_alike(outcomes)
        assert_agree(row, {**counts(outcomes), "wis": means["wis"]})
        for told, coverage in zip(row["intervals"], COVERAGES[1:], strict=True):
            expected = plain.interval_of(means, coverage)
            assert_agree(
                told, {name: expected[name] for name in expected if name in told}
            )

    assert {row["step"] for row in rows} == {1, 2, 3, None}
    assert len({row["segment"] for row in rows}) >= 1


def test_a_segment_is_told_of_where_it_has_200_outcomes(found: Found) -> None:
    firsts = [
        one
        for one in found.outcomes
        if one.step == 1 and one.entry == "ewma/raw" and one.freq == "5m"
    ]
    large = {
        found.segments[members[0].market, members[0].cutoff]
        for members in by(firsts, lambda one: found.segments[one.market, one.cutoff])
        if len(members) >= 200
    }

    told = {row["segment"] for row in found.document["segments"]}

    assert told == large


def test_the_table_of_young_markets_agrees(found: Found) -> None:
    ages = [2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72]
    rows = found.document["cold_start"]

    for row in rows:
        youngest = max((age for age in ages if age < row["age"]), default=1)
        outcomes = [one for one in found.of(row) if youngest < one.age <= row["age"]]
        means = plain.groups_alike(outcomes)
        number = counts(outcomes)
        assert_agree(row, {name: number[name] for name in ("n", "n_groups")})
        for told, coverage in zip(row["intervals"], COVERAGES[1:], strict=True):
            expected = plain.interval_of(means, coverage)
            assert_agree(
                told, {name: expected[name] for name in expected if name in told}
            )

    assert {(row["freq"], row["age"]) for row in rows} == {
        *(("5m", age) for age in ages),
        *(("1h", age) for age in ages[:9]),
    }


def test_ratios_are_those_of_the_means(found: Found) -> None:
    names = {
        "interval_score_0.8": "interval score 0.8",
        "interval_score_0.9": "interval score 0.9",
        "wis": "wis",  # twice the mean pinball loss, so that ratios are the same
    }
    means = {
        (entry, freq, step, weighting): plain.WEIGHTINGS[weighting](
            found.of({"entry": entry, "freq": freq, "step": step})
        )
        for entry, freq, step, weighting in {
            (row["entry"], row["freq"], row["step"], row["weighting"])
            for row in found.document["ratios"]
        }
    }

    for row in found.document["ratios"]:
        scope = row["freq"], row["step"], row["weighting"]
        score = names[row["metric"]]
        own, other = (means[row[side], *scope][score] for side in ("entry", "against"))
        assert_agree(row, {"ratio": own / other})
        if row["is_significant"]:
            assert row["high"] < 1 or row["low"] > 1

    assert {row["metric"] for row in found.document["ratios"]} == set(names)


def market_rows(found: Found) -> Iterator[tuple[dict[str, Any], list[Outcome]]]:
    """Yield the rows of scores.parquet with the outcomes of each of them."""
    outcomes = {
        (one.entry, one.market, one.step): members
        for members in by(found.outcomes, lambda one: (one.entry, one.market, one.step))
        for one in members[:1]
    }
    for row in found.markets.iter_rows(named=True):
        yield row, outcomes.pop((row["entry"], row["market_id"], row["step"]))
    assert not outcomes


def test_the_scores_of_each_market_agree(found: Found) -> None:
    for row, outcomes in market_rows(found):
        first, means = outcomes[0], plain.each_alike(outcomes)
        pooled = plain.pooled(means)
        del pooled["breach_rate"]
        assert_agree(row, {"n": len(outcomes)} | pooled)
        for coverage in COVERAGES:
            expected = plain.interval_of(means, coverage)
            names = expected.keys() - {"coverage", "error"}
            ending = f"{100 * coverage:g}"
            assert_agree(row, {f"{name}_{ending}": expected[name] for name in names})
        for level in LEVELS:
            assert_agree(row, {f"pinball_q{level}": means[f"pinball {level}"]})
        assert (row["freq"], row["group"]) == (first.freq, first.group)
        assert row["entry"] == f"{row['model']}/{row['kind']}"
        assert (row["source"], row["category"]) == ("made", "sports")

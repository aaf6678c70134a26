from dataclasses import replace

import numpy as np
import pytest
from benchmarks.rivals import (
    ACI_RATE,
    MIN_SCORES,
    PID_RATE,
    WINDOW,
    RawBands,
    conformal_quantile,
    moments,
    online_margins,
    rival_bands,
    shifted_and_scaled,
    static_margins,
    widened,
)

HORIZON = 2


def bands_of(
    outcomes: np.ndarray, *, half: float = 0.1, miscoverage: float = 0.2
) -> RawBands:
    """Return flat bands around 0.5 of one market, an origin a step."""
    n_origins = len(outcomes)
    shape = (n_origins, outcomes.shape[1])
    middle = np.full(shape, 0.5, dtype=np.float32)
    return RawBands(
        lower=middle - np.float32(half),
        median=middle,
        upper=middle + np.float32(half),
        outcomes=outcomes.astype(np.float32),
        markets=np.zeros(n_origins, dtype=np.int64),
        steps=np.arange(n_origins),
        sources=np.full(n_origins, "here"),
        is_train=np.arange(n_origins) < n_origins // 2,
        miscoverage=miscoverage,
    )


def walk(n_origins: int, seed: int, *, spread: float = 0.1) -> RawBands:
    """Return bands whose outcomes are of one series, as in a replay."""
    rng = np.random.default_rng(seed)
    prices = np.clip(0.5 + spread * rng.normal(size=n_origins + HORIZON), 0, 1)
    outcomes = np.stack(
        [prices[ahead : ahead + n_origins] for ahead in range(1, HORIZON)], axis=1
    )
    late = np.append(prices[HORIZON:], np.nan)[:n_origins]
    return bands_of(np.column_stack([outcomes, late]))


def two_markets(first: RawBands, second: RawBands) -> RawBands:
    """Put two markets together, the second one starting seven steps later."""
    joined = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("lower", "median", "upper", "outcomes", "sources", "is_train")
    }
    return RawBands(
        **joined,
        markets=np.concatenate([first.markets, second.markets + 1]),
        steps=np.concatenate([first.steps, second.steps + 7]),
        miscoverage=first.miscoverage,
    )


def test_a_quantile_worked_by_hand() -> None:
    scores = np.array([0.05, -0.02, 0.0, 0.01], dtype=np.float32)

    assert conformal_quantile(scores, coverage=0.8) == pytest.approx(0.05)
    assert conformal_quantile(scores, coverage=0.5) == pytest.approx(0.01)
    assert conformal_quantile(scores, coverage=0.99) == pytest.approx(0.05)


def test_static_margins_worked_by_hand() -> None:
    # Scores of the train part: 0.1, 0.0, -0.1 and 0.2; the fourth of five ranks.
    outcomes = np.array([0.7, 0.6, 0.5, 0.8, 0.9, 0.9, 0.9, 0.9])[:, None]

    margins = static_margins(bands_of(outcomes))

    assert margins == pytest.approx(np.full((8, 1), 0.2), abs=1e-6)


def test_static_margins_are_those_of_the_source() -> None:
    wide, narrow = walk(200, 1, spread=0.2), walk(200, 2, spread=0.05)
    other = replace(narrow, sources=np.full(200, "there"))

    margins = static_margins(two_markets(wide, other))

    assert margins[:200] == pytest.approx(static_margins(wide))
    assert margins[200:] == pytest.approx(static_margins(narrow))
    assert margins[0, 0] > margins[200, 0]


def test_no_edge_passes_the_median_or_leaves_the_prices() -> None:
    bands = bands_of(np.full((2, 1), 0.5))

    narrowed = widened(bands, np.full((2, 1), -0.3, dtype=np.float32))
    opened = widened(bands, np.full((2, 1), 0.9, dtype=np.float32))

    assert narrowed == pytest.approx(np.full((2, 1, 2), 0.5))
    assert opened[:, 0].tolist() == [[0, 1], [0, 1]]


def test_shift_and_scale_worked_by_hand() -> None:
    # Train changes 0, 0.1, 0.2: shift 0.1; sizes 1, 0, 1 half-widths: factor 1.
    outcomes = np.array([0.5, 0.6, 0.7, 0.5, 0.5, 0.5])[:, None]

    edges = shifted_and_scaled(bands_of(outcomes))

    assert edges[:, 0] == pytest.approx(np.tile([0.5, 0.7], (6, 1)), abs=1e-6)


def test_an_outcome_comes_as_many_steps_after_its_origin_as_it_lies_ahead() -> None:
    bands = walk(6, 3)

    seen = list(moments(bands))

    assert len(seen) == 6 + HORIZON
    for age, moment in enumerate(seen):
        for column in range(HORIZON):
            origin = age - column - 1
            if 0 <= origin < 6:
                expected = bands.scores[origin, column]
                found = moment.matured[0, column]
                assert found == pytest.approx(expected, nan_ok=True)
                assert moment.origins[0, column] == origin
            else:
                assert np.isnan(moment.matured[0, column])


def test_rolling_margins_are_quantiles_of_the_last_scores_that_are_known() -> None:
    bands = walk(WINDOW + 60, 4)

    margins = online_margins(bands, static_margins(bands))["rolling CQR"]

    for at in (MIN_SCORES + 5, WINDOW // 2, WINDOW + 50):
        for column in range(HORIZON):
            known = bands.scores[: at - column, column][-WINDOW:]
            expected = conformal_quantile(known, coverage=0.8)
            assert margins[at, column] == pytest.approx(expected, abs=1e-6)


def test_margins_start_from_those_of_the_source() -> None:
    bands = walk(100, 5)
    static = static_margins(bands)

    margins = online_margins(bands, static)

    for name in ("rolling CQR", "ACI", "conformal PID"):
        assert margins[name][0] == pytest.approx(static[0])
    assert margins["ACI"][MIN_SCORES - 1] == pytest.approx(static[0])


def test_nothing_is_learned_from_what_has_not_happened_yet() -> None:
    bands = walk(120, 6)
    static, moment = static_margins(bands), 80
    changed = bands.outcomes.copy()
    for column in range(HORIZON):
        changed[moment - column :, column] = 1.0
    other = replace(bands, outcomes=changed)

    before, after = online_margins(bands, static), online_margins(other, static)

    for name, margins in before.items():
        assert after[name][: moment + 1] == pytest.approx(margins[: moment + 1])
        assert not np.allclose(after[name][moment + 1 :], margins[moment + 1 :])


def test_the_level_of_aci_follows_the_misses() -> None:
    """Worked out anew, one origin after the other, without arrays of markets."""
    bands = walk(150, 7)
    static, scores = static_margins(bands), bands.scores[:, 0].astype(float)
    level = 0.2
    expected: list[float] = []
    for now in range(150):
        if now:
            missed = scores[now - 1] > expected[now - 1] + 1e-5
            level += ACI_RATE * (0.2 - missed)
        known = np.sort(scores[:now])
        rank = min(max(int(np.ceil((now + 1) * (1 - level) - 1e-9)), 1), max(now, 1))
        ready = now >= MIN_SCORES
        expected.append(known[rank - 1] if ready else float(static[0, 0]))

    margins = online_margins(bands, static)["ACI"][:, 0]

    assert margins == pytest.approx(expected, abs=1e-6)


def test_conformal_pid_takes_its_first_step_as_the_paper_says() -> None:
    # One step ahead, the first outcome 0.3 outside its band: the tracker moves by
    # 0.02 * 0.3 * (1 - 0.2), the integrator by 0.1 * 0.3 * tan(0.8 log(2) / 5).
    bands = bands_of(np.array([[0.9], [0.5], [0.5], [0.5]]))
    static = np.zeros((4, 1), dtype=np.float32)

    margins = online_margins(bands, static)["conformal PID"]

    tracked = PID_RATE * 0.3 * 0.8
    integrated = 0.1 * 0.3 * np.tan(0.8 * np.log(2) / 5)
    assert margins[:2, 0] == pytest.approx([0, tracked + integrated], abs=1e-6)


@pytest.mark.parametrize("name", ["rolling CQR", "ACI", "conformal PID"])
def test_markets_learn_from_themselves_alone(name: str) -> None:
    first, second = walk(90, 8, spread=0.2), walk(140, 9, spread=0.05)
    both = two_markets(first, second)
    static = np.zeros_like(both.lower)

    together = online_margins(both, static)[name]

    alone = online_margins(first, static[:90])[name]
    assert together[:90] == pytest.approx(alone)
    alone = online_margins(second, static[90:])[name]
    assert together[90:] == pytest.approx(alone)


def test_a_hole_in_the_series_is_no_outcome() -> None:
    bands = walk(120, 10)
    kept = np.r_[0:50, 60:120]
    outcomes = bands.outcomes.copy()
    outcomes[48:60] = np.nan
    holed = replace(
        bands,
        **{
            name: getattr(bands, name)[kept]
            for name in ("lower", "median", "upper", "markets", "steps", "sources")
        },
        outcomes=outcomes[kept],
        is_train=bands.is_train[kept],
    )

    margins = online_margins(holed, static_margins(holed))

    assert all(np.isfinite(one).all() for one in margins.values())
    known = bands.scores[np.r_[0:48, 60:99], 0]
    assert margins["rolling CQR"][50 + 39, 0] == pytest.approx(
        conformal_quantile(known, coverage=0.8), abs=1e-6
    )


def test_every_rival_covers_as_promised_where_nothing_drifts() -> None:
    bands = walk(4_000, 11, spread=0.07)
    is_late = ~bands.is_train & np.isfinite(bands.outcomes).all(axis=1)

    for name, edges in rival_bands(bands):
        inside = (edges[..., 0] <= bands.outcomes) & (bands.outcomes <= edges[..., 1])
        covered = inside[is_late].mean()
        is_plain = name == "uncalibrated"
        assert covered == pytest.approx(0.847 if is_plain else 0.8, abs=0.02), name

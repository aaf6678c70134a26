"""Latent beliefs are martingales, and bands of one event keep their sum."""

import numpy as np

from tsfm_runner.testing.markets.belief import belief_paths
from tsfm_runner.testing.markets.events import draw_events
from tsfm_runner.testing.markets.outcomes import draw_markets
from tsfm_runner.testing.markets.venues import VENUES

N_STEPS = 60


def _paths(n_markets: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return beliefs (n_steps, n_markets), each market's event, and its shape."""
    rng = np.random.default_rng(seed)
    events = draw_events(
        n_markets, profiles=VENUES, n_steps=N_STEPS, step_s=3_600, rng=rng
    )
    markets = draw_markets(events, profiles=VENUES, step_s=3_600, rng=rng)
    paths = belief_paths(events, markets, n_steps=N_STEPS, step_s=3_600, rng=rng)
    shapes = np.array([profile.shape for profile in VENUES])
    return paths.fair, markets.event, shapes[events.profile][markets.event]


def test_a_belief_goes_nowhere_on_average() -> None:
    fair, event, _ = _paths(30_000, seed=11)
    moved = fair[-1] - fair[0]

    by_event = np.bincount(event, weights=moved) / np.bincount(event)

    # Events are independent; four standard errors leave room for chance only.
    error = by_event.std() / np.sqrt(by_event.size)
    assert abs(by_event.mean()) < 4 * error
    assert np.abs(moved).mean() > 0.1


def test_a_low_and_a_high_belief_are_fair_alike() -> None:
    fair, event, _ = _paths(30_000, seed=12)
    middle, end = fair[N_STEPS // 2], fair[-1]

    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        is_here = (middle >= low) & (middle < high)
        surprise = np.bincount(event, weights=(end - middle) * is_here)
        held = surprise[np.bincount(event, weights=is_here) > 0]

        assert abs(held.mean()) < 4 * held.std() / np.sqrt(held.size)


def test_bands_of_a_whole_event_exclude_each_other() -> None:
    fair, event, shape = _paths(2_000, seed=13)
    is_whole = (shape == "bands") & (event < event[-1])
    sums = np.stack([np.bincount(event[is_whole], row[is_whole]) for row in fair])

    whole = sums[:, np.unique(event[is_whole])]

    np.testing.assert_allclose(whole, 1.0, atol=1e-6)


def test_rungs_of_a_ladder_contain_each_other() -> None:
    fair, event, shape = _paths(2_000, seed=14)
    is_pair = (shape[1:] == "ladder") & (event[1:] == event[:-1])

    rise = np.diff(fair, axis=1)[:, is_pair]

    assert is_pair.sum() > 50
    assert ((rise >= -1e-9).all(axis=0) | (rise <= 1e-9).all(axis=0)).all()

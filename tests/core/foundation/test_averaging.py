"""Means that look back from the end of a context, by hand and against numpy."""

import numpy as np
import pytest

from tsfm_runner.core.foundation.averaging import recent_means

TERMS = np.array([[8.0, 4.0, 2.0], [0.0, 4.0, 1.0], [0.0, 0.0, 0.0]])
N_KNOWN = np.array([3, 2, 0])


def test_a_window_takes_as_many_terms_as_there_are() -> None:
    newest, both, longer = recent_means(TERMS, N_KNOWN, windows=(1, 2, 9))

    assert newest.tolist() == [2, 1, 0]
    assert both.tolist() == [3, 2.5, 0]
    assert longer == pytest.approx([14 / 3, 2.5, 0])


def test_a_term_counts_half_after_the_half_life() -> None:
    [fast] = recent_means(TERMS, N_KNOWN, half_lives=(1,))

    assert fast == pytest.approx([(2 + 2 + 2) / 1.75, 3 / 1.5, 0])


def test_a_mean_is_numpys_weighted_average() -> None:
    terms = np.random.default_rng(20260403).random((5, 40))

    means = recent_means(terms, np.full(5, 40), half_lives=(7,), windows=(13,))

    weights = 0.5 ** (np.arange(40)[::-1] / 7)
    assert means[0] == pytest.approx(np.average(terms, axis=1, weights=weights))
    assert means[1] == pytest.approx(terms[:, -13:].mean(axis=1))


def test_an_endless_half_life_is_a_plain_mean() -> None:
    endless, plain = recent_means(TERMS, N_KNOWN, half_lives=(10**12,), windows=(3,))

    assert endless == pytest.approx(plain)

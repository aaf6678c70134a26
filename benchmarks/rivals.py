"""Other ways to calibrate the same raw bands, written from their papers.

They see at an origin only what had happened by then: the outcome of step h reaches
them h steps after its origin. Where a method would start from nothing it starts from
the margin of `static_cqr`, and no edge passes the median or leaves [0, 1].
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
StrArray = npt.NDArray[np.str_]

WINDOW = 288
MIN_SCORES = 20
ACI_RATE = 0.005
PID_RATE = 0.02
PID_GAIN = 0.1
PID_SATURATION = 5.0
MAX_ANGLE = 1.5
EQUAL = 1e-5
MIN_HALF_WIDTH = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class RawBands:
    """Bands before calibration, and what became of them.

    Arrays have one row an origin; edges, median and outcomes one column a step
    ahead. ``steps`` count on one clock for all markets; of a market no two origins
    share one.
    """

    lower: Array
    median: Array
    upper: Array
    outcomes: Array
    markets: IntArray
    steps: IntArray
    sources: StrArray
    is_train: BoolArray
    miscoverage: float

    @property
    def scores(self) -> Array:
        """How far each outcome lies outside its band; negative inside."""
        below, above = self.lower - self.outcomes, self.outcomes - self.upper
        return np.asarray(np.maximum(below, above))


def rival_bands(bands: RawBands) -> Iterator[tuple[str, Array]]:
    """Yield each rival with its edges, of shape (n_origins, horizon, 2)."""
    yield "uncalibrated", np.stack([bands.lower, bands.upper], axis=-1)
    static = static_margins(bands)
    yield "static CQR", widened(bands, static)
    for name, margins in online_margins(bands, static).items():
        yield name, widened(bands, margins)
    yield "shift and scale", shifted_and_scaled(bands)


def widened(bands: RawBands, margins: Array) -> Array:
    """Return the edges moved outwards by a margin."""
    lower = np.minimum(np.clip(bands.lower - margins, 0, 1), bands.median)
    upper = np.maximum(np.clip(bands.upper + margins, 0, 1), bands.median)
    return np.stack([lower, upper], axis=-1)


def conformal_quantile(scores: Array, *, coverage: float) -> float:
    """Return the ``ceil((n + 1) * coverage)``-th smallest of finite scores.

    The greatest stands in for infinity where there are too few.
    """
    rank = int(np.ceil((scores.size + 1) * coverage))
    return float(np.sort(scores)[min(rank, scores.size) - 1])


def static_margins(bands: RawBands) -> Array:
    """Return one margin a source and step, fitted once on the train part.

    Conformalized quantile regression: Romano, Patterson and Candes (2019).
    """
    scores, margins = bands.scores, np.zeros_like(bands.lower)
    for source in np.unique(bands.sources):
        is_here = bands.sources == source
        fitted = scores[is_here & bands.is_train]
        for column in range(scores.shape[1]):
            known = fitted[np.isfinite(fitted[:, column]), column]
            if known.size:
                coverage = 1 - bands.miscoverage
                margin = conformal_quantile(known, coverage=coverage)
                margins[is_here, column] = margin
    return margins


def shifted_and_scaled(bands: RawBands) -> Array:
    """Return bands of another centre and width; two numbers a step, fitted once."""
    edges = np.stack([bands.lower, bands.upper], axis=-1)
    half = np.maximum((bands.upper - bands.lower) / 2, MIN_HALF_WIDTH)
    for column in range(half.shape[1]):
        change = bands.outcomes[:, column] - bands.median[:, column]
        is_fitted = bands.is_train & np.isfinite(change)
        if not is_fitted.any():
            continue
        shift = np.median(change[is_fitted])
        sizes = np.abs(change - shift)[is_fitted] / half[is_fitted, column]
        factor = conformal_quantile(sizes, coverage=1 - bands.miscoverage)
        centre = bands.median[:, column] + shift
        edges[:, column, 0] = np.clip(centre - factor * half[:, column], 0, 1)
        edges[:, column, 1] = np.clip(centre + factor * half[:, column], 0, 1)
    return edges


class Moment(NamedTuple):
    """One step of the life of every market that lives so long, side by side.

    ``asked`` names the markets that have an origin now and ``rows`` these origins;
    ``origins`` and ``matured`` are the origins whose outcome comes now and its
    scores, one row a market and one column a step ahead, NaN where none comes.
    """

    asked: IntArray
    rows: IntArray
    origins: IntArray
    matured: Array


def moments(bands: RawBands) -> Iterator[Moment]:
    """Yield the steps of the markets, each counted from its own first origin.

    Markets are named by their place in the order of length, the longest first, so
    that those who live at a moment are the first ones.
    """
    horizon = bands.lower.shape[1]
    names, of_row = np.unique(bands.markets, return_inverse=True)
    first = np.full(names.size, np.iinfo(np.int64).max)
    last = np.zeros(names.size, dtype=np.int64)
    np.minimum.at(first, of_row, bands.steps)
    np.maximum.at(last, of_row, bands.steps)
    order = np.argsort(first - last, kind="stable")
    lengths = (last - first)[order] + 1 + horizon
    begins = np.cumsum([0, *(lengths + horizon)])[:-1] + horizon
    place = np.empty(names.size, dtype=np.int64)
    place[order] = np.arange(names.size)
    row_at = np.full(int(lengths.sum() + names.size * horizon), -1)
    row_at[begins[place[of_row]] + bands.steps - first[of_row]] = np.arange(of_row.size)
    scores, ahead = bands.scores, np.arange(1, horizon + 1)
    n_alive = np.searchsorted(-lengths, -np.arange(int(lengths[0])), side="left")
    for age, count in enumerate(n_alive.tolist()):
        now = begins[:count] + age
        rows = row_at[now]
        origins = row_at[now[:, None] - ahead]
        matured = np.where(origins >= 0, scores[origins, ahead - 1], np.nan)
        asked = np.flatnonzero(rows >= 0)
        yield Moment(asked, rows[asked], origins, matured)


def online_margins(bands: RawBands, static: Array) -> Mapping[str, Array]:
    """Return the margins of the methods that learn from each market as it goes."""
    n_markets = np.unique(bands.markets).size
    shape = (n_markets, bands.lower.shape[1])
    window = _Window(shape)
    methods: Mapping[str, _Rolling | _Pid] = {
        "rolling CQR": _Rolling(window, static, bands.miscoverage, rate=0.0),
        "ACI": _Rolling(window, static, bands.miscoverage, rate=ACI_RATE),
        "conformal PID": _Pid(window, static, bands.miscoverage),
    }
    for moment in moments(bands):
        is_known = np.isfinite(moment.matured)
        if is_known.any():
            for method in methods.values():
                method.learn(moment, is_known)
            window.push(moment.matured, is_known)
        if moment.asked.size:
            window.look(moment.asked)
            for method in methods.values():
                method.ask(moment)
    return {name: method.margins for name, method in methods.items()}


class _Window:
    """The last scores of each market and step ahead; infinite where there is none."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.scores = np.full((*shape, WINDOW), np.inf, dtype=np.float32)
        self.counts = np.zeros(shape, dtype=np.int64)
        self.greatest = np.zeros(shape, dtype=np.float32)
        self.sorted = self.scores[:0]
        self.sizes = self.counts[:0]

    def push(self, matured: Array, is_known: BoolArray) -> None:
        """Take what came now in the place of the oldest."""
        market, column = np.nonzero(is_known)
        slot = self.counts[market, column] % WINDOW
        self.scores[market, column, slot] = matured[market, column]
        self.counts[market, column] += 1

    def look(self, markets: IntArray) -> None:
        """Sort the scores of some markets."""
        self.sizes = np.minimum(self.counts[markets], WINDOW)
        used = max(1, int(self.sizes.max()))
        self.sorted = np.sort(self.scores[markets, :, :used], axis=-1)
        last = np.maximum(self.sizes - 1, 0)[..., None]
        top = np.take_along_axis(self.sorted, last, axis=-1)[..., 0]
        greatest = np.maximum(np.abs(self.sorted[..., 0]), np.abs(top))
        self.greatest[markets] = np.where(self.sizes > 0, greatest, 0)


class _Rolling:
    """The quantile of the window; with a rate, of a level that follows the misses.

    The latter is adaptive conformal inference: Gibbs and Candes (2021). Where its
    level asks for an infinite margin the greatest score of the window stands in.
    """

    def __init__(
        self, window: _Window, static: Array, miscoverage: float, *, rate: float
    ) -> None:
        self.margins = static.copy()
        self._window = window
        self._static = static
        self._target = miscoverage
        self._rate = rate
        self._level = np.full(window.counts.shape, miscoverage)

    def learn(self, moment: Moment, is_known: BoolArray) -> None:
        if not self._rate:
            return
        level = self._level[: len(is_known)]
        missed = _missed(moment, self.margins)
        level += np.where(is_known, self._rate * (self._target - missed), 0)

    def ask(self, moment: Moment) -> None:
        window, sizes = self._window, self._window.sizes
        level = self._level[moment.asked]
        rank = np.ceil((sizes + 1) * (1 - level) - 1e-9).astype(np.int64)
        rank = np.clip(rank, 1, np.maximum(sizes, 1))
        found = np.take_along_axis(window.sorted, rank[..., None] - 1, axis=-1)
        is_ready = sizes >= MIN_SCORES
        static = self._static[moment.rows]
        self.margins[moment.rows] = np.where(is_ready, found[..., 0], static)


class _Pid:
    """Quantile tracker and error integrator: Angelopoulos, Candes, Tibshirani (2023).

    Learning rate and gain are shares of the greatest score of the window, which is
    how the paper puts them on the scale of the data.
    """

    def __init__(self, window: _Window, static: Array, miscoverage: float) -> None:
        self.margins = static.copy()
        self._window = window
        self._static = static
        self._target = miscoverage
        self._moved = np.zeros(window.counts.shape)
        self._errors = np.zeros(window.counts.shape)

    def learn(self, moment: Moment, is_known: BoolArray) -> None:
        alive = slice(len(is_known))
        scale = np.maximum(
            self._window.greatest[alive], np.abs(np.nan_to_num(moment.matured))
        )
        error = np.where(is_known, _missed(moment, self.margins) - self._target, 0)
        self._moved[alive] += PID_RATE * scale * error
        self._errors[alive] += error

    def ask(self, moment: Moment) -> None:
        asked = moment.asked
        count = np.maximum(self._window.counts[asked], 1)
        angle = self._errors[asked] * np.log(count + 1) / (count * PID_SATURATION)
        pushed = np.tan(np.clip(angle, -MAX_ANGLE, MAX_ANGLE))
        self.margins[moment.rows] = (
            self._static[moment.rows]
            + self._moved[asked]
            + PID_GAIN * self._window.greatest[asked] * pushed
        )


def _missed(moment: Moment, margins: Array) -> BoolArray:
    """Say which outcomes lie outside the band that was given at their origin."""
    columns = np.arange(margins.shape[1])
    return moment.matured > margins[moment.origins, columns] + EQUAL

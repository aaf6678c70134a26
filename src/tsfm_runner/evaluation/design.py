"""What a study asks of every market, and the parts that its work falls into."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from tsfm_runner.config import Settings
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.frequency import Frequency, step_text
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.task import MAX_HORIZON, MAX_LEVEL, MIN_LEVEL
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.calibration.priors import Prior

BAND = 0.8  # coverage of the band that breaches are told of
LADDER = "ladder"  # the name of whatever the service would answer with
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_NEEDED = (0.1, 0.5, 0.9)
_ORIGINS_IN_PART = 20_000
_DECIMALS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What is asked at every origin, with all constants of the service.

    Raises ``InvalidTaskError`` for a horizon or for levels that cannot be studied.
    """

    horizon: int
    quantile_levels: tuple[float, ...]
    settings: Settings
    har_table: HarTable
    priors: Mapping[str, Prior]

    def __post_init__(self) -> None:
        """Refuse levels without their mirror, or without the band that is judged."""
        if not 1 <= self.horizon <= MAX_HORIZON:
            rule = f"must lie between 1 and {MAX_HORIZON}, got {self.horizon}"
            raise InvalidTaskError("horizon", rule)
        levels = self.quantile_levels
        mirrored = tuple(round(1 - level, _DECIMALS) for level in reversed(levels))
        known = tuple(round(level, _DECIMALS) for level in levels)
        is_distinct = len(set(known)) == len(known) and known == tuple(sorted(known))
        if (
            mirrored != known
            or not is_distinct
            or not set(_NEEDED) <= set(known)
            or not (known[0] >= MIN_LEVEL and known[-1] <= MAX_LEVEL)
        ):
            rule = (
                f"must ascend from {MIN_LEVEL} to {MAX_LEVEL}, hold 0.1, 0.5 and 0.9, "
                "and hold 1 - level with every level"
            )
            raise InvalidTaskError("quantile_levels", rule)

    @property
    def coverages(self) -> tuple[float, ...]:
        """The coverage of each central interval, from narrow to wide."""
        below = [level for level in self.quantile_levels if level < _NEEDED[1]]
        return tuple(round(1 - 2 * level, _DECIMALS) for level in reversed(below))


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Markets of one step that are drawn together: whole groups."""

    name: str
    step_s: int
    markets: tuple[RecordedMarket, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is studied: who draws raw bands, and how it is called.

    ``draw`` returns ``values`` of shape (n_origins, horizon, n_levels) for a part, in
    single precision; one that others may answer for has ``models`` too, the place of
    the one that did at each origin among ``model_names``, rows of name and revision,
    and ``reasons``, why it was not the model itself. It can be pickled.
    """

    name: str
    revision: str
    is_baseline: bool
    draw: Callable[[Part, Design], dict[str, npt.NDArray[Any]]]


def parts_of(markets: Sequence[RecordedMarket]) -> list[Part]:
    """Return the markets in parts of about equal work, always the same.

    A group is never divided; steps ascend, and groups within a step.
    """
    parts: list[Part] = []
    for step_s in sorted({market.step_s for market in markets}):
        groups: dict[str, list[RecordedMarket]] = {}
        for market in markets:
            if market.step_s == step_s:
                groups.setdefault(market.group, []).append(market)
        parts += _packed(step_s, [groups[name] for name in sorted(groups)])
    return parts


def _packed(step_s: int, groups: Sequence[Sequence[RecordedMarket]]) -> list[Part]:
    packed: list[list[RecordedMarket]] = [[]]
    size = 0
    for group in groups:
        if size >= _ORIGINS_IN_PART:
            packed.append([])
            size = 0
        packed[-1] += sorted(group, key=lambda market: market.market_id)
        size += sum(market.times_s.size for market in group)
    freq = step_text(step_s)
    return [
        Part(f"{freq}-{number:04d}", step_s, tuple(members))
        for number, members in enumerate(packed)
    ]


def frequency_of(step_s: int) -> Frequency:
    """Return a step as tasks name it."""
    return Frequency(step_text(step_s), step_s)

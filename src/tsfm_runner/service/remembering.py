"""What was answered lately, and what is being answered right now."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import TypeAlias

import msgspec
import numpy as np

from tsfm_runner.config import CacheConfig
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import FloatArray, ForecastTask, MarketFacts
from tsfm_runner.errors import InvalidTaskError, ModelNotAllowedError
from tsfm_runner.ports import Cache, Clock

Refusal: TypeAlias = InvalidTaskError | ModelNotAllowedError
Outcome: TypeAlias = ServedForecast | Refusal
Flight: TypeAlias = asyncio.Future[Outcome]

# Objects around the arrays of an answer, measured with tracemalloc and rounded up.
_OVERHEAD_BYTES = 4_000


def _plain(value: object) -> object:
    """Return a number of numpy as one of Python; callers of the facade bring them."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"no key can be made of {type(value).__name__}")


_encode = msgspec.msgpack.Encoder(enc_hook=_plain, order="sorted").encode
_facts_of = attrgetter(
    *(field.name for field in fields(MarketFacts) if field.name != "closes_at")
)


def fingerprint(task: ForecastTask) -> bytes:
    """Return a key over everything in a task that changes its answer."""
    choice = task.model
    words = (
        task.market_id,
        task.cutoff.isoformat(),  # the same moment may be told in another zone
        task.freq.text,
        task.horizon,
        task.quantile_levels,
        task.transform.space,
        task.transform.eps,
        choice.provider,
        choice.name,
        choice.version,
        dict(choice.params) if choice.params else None,
        _facts_of(task.facts),
        task.facts.closes_at and task.facts.closes_at.isoformat(),
        task.context.tobytes(),
        None if task.times_s is None else task.times_s.tobytes(),
        _columns(task.past_covariates) if task.past_covariates else None,
        _columns(task.future_covariates) if task.future_covariates else None,
    )
    return _encode(words)


def _columns(columns: Mapping[str, FloatArray]) -> dict[str, bytes]:
    return {name: column.tobytes() for name, column in columns.items()}


class Memory:
    """Keeps answers for those who ask the same again, soon or at the same time."""

    def __init__(
        self,
        config: CacheConfig,
        kept: Cache[ServedForecast],
        clock: Clock,
        *,
        state_version: Callable[[], int],
        policy_number: Callable[[], int],
    ) -> None:
        """Keep answers in ``kept``, for as long as the settings say.

        ``state_version`` is that of the calibration, ``policy_number`` that of the
        verdict: an answer that was drawn from another one may still stand in for a
        model, but is no longer fresh.
        """
        self._config = config
        self._kept = kept
        self._clock = clock
        self._state_version = state_version
        self._policy_number = policy_number
        self._flights: dict[bytes, Flight] = {}

    def fresh(self, key: bytes) -> ServedForecast | None:
        """Return the answer that may be served again as it is, if there is one."""
        served = self._kept.get(key)
        if served is None or self.age_s(served) >= self._config.ttl_s:
            return None
        return served if self.is_current(served) else None

    def is_current(self, served: ServedForecast) -> bool:
        """Whether nothing was learned and decided since an answer was computed."""
        return (
            served.certificate.state_version == self._state_version()
            and served.provenance.policy_number == self._policy_number()
        )

    def stale(self, key: bytes) -> ServedForecast | None:
        """Return the answer that may stand in for a model that fails."""
        served = self._kept.get(key)
        return None if served is None or served.provenance.is_fallback else served

    def age_s(self, served: ServedForecast) -> float:
        """Return how long ago an answer was computed."""
        return self._clock() - served.computed_at_s

    def fresh_until_s(self, served: ServedForecast) -> float | None:
        """Return when an answer will be fresh no longer; None: it may not be kept.

        The answer of a baseline that stands in for a model that failed is gone
        with it: the next one who asks may meet a model that is well again.
        """
        reason = served.provenance.fallback_reason
        if reason is not None and not reason.is_lasting:
            return None
        if not self._config.ttl_s:
            return None
        return served.computed_at_s + self._config.ttl_s

    def keep(self, key: bytes, served: ServedForecast) -> None:
        """Keep an answer, if it may be."""
        fresh_until_s = self.fresh_until_s(served)
        if fresh_until_s is None:
            return
        arrays = served.task.n_bytes + 3 * served.values.nbytes
        self._kept.put(
            key,
            served,
            n_bytes=len(key) + arrays + _OVERHEAD_BYTES,
            expires_at_s=fresh_until_s + self._config.stale_if_error_s,
        )

    def flight(self, key: bytes) -> Flight | None:
        """Return the answer that somebody else is computing right now, if any is."""
        return self._flights.get(key)

    def take_off(self, key: bytes) -> Flight:
        """Let others wait for an answer that is going to be computed."""
        flight = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        return flight

    def land(self, key: bytes) -> None:
        """End a flight; without an answer, whoever waits computes for itself."""
        self._flights.pop(key).cancel()

"""What one request spends of its caller's quota, and the headers that tell of it."""

from math import ceil

from starlette.types import Message, Scope, Send

from tsfm_runner.api.problems import Problem, ProblemError, rate_limited, too_large
from tsfm_runner.domain.quota import WINDOW_S, Quota
from tsfm_runner.ports import RateLimiter

_START = "http.response.start"


class Spending:
    """The running total of one request of a caller who has a limit."""

    __slots__ = ("_limiter", "_name", "_quota", "_send", "_spent")

    def __init__(
        self, limiter: RateLimiter, name: str, quota: Quota, send: Send
    ) -> None:
        """Open with the quota that the first forecast, always charged, left over."""
        self._limiter = limiter
        self._name = name
        self._quota = quota
        self._send = send
        self._spent = 1

    def charge(self, cost: int) -> Problem | None:
        """Charge more forecasts; return the problem if that is too many."""
        total, limit = self._spent + cost, self._quota.limit
        if total > limit:  # no waiting helps
            return too_large(
                f"a batch of {total} forecasts is more than the {limit} a minute "
                "that this caller may ask for"
            )
        quota = self._limiter.spend(self._name, cost)
        if quota is None:
            return None
        self._quota = quota
        if not quota.is_allowed:
            return rate_limited(quota, cost)
        self._spent = total
        return None

    async def send(self, message: Message) -> None:
        """Pass a message on; the head of the answer tells what is left by then."""
        if message["type"] == _START:
            quota = self._quota
            left = f'"default";r={quota.remaining};t={ceil(quota.reset_s)}'
            message["headers"] = [
                *message.get("headers", ()),
                (b"ratelimit-policy", b'"default";q=%d;w=%d' % (quota.limit, WINDOW_S)),
                (b"ratelimit", left.encode()),
            ]
        await self._send(message)


def charge_more(scope: Scope, cost: int) -> None:
    """Charge the caller of this request for more forecasts.

    Raises ``ProblemError`` if that is too many; then nothing is charged.
    """
    charge = scope.get("tsfm.spend")
    problem = charge(cost) if charge is not None else None
    if problem is not None:
        raise ProblemError(problem)

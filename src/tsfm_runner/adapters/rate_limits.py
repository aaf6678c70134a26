"""Count the forecasts that each caller asks for, in windows of a minute."""

from tsfm_runner.config import AuthConfig
from tsfm_runner.domain.quota import WINDOW_S, Quota
from tsfm_runner.ports import Clock


class RateLimits:
    """A ``RateLimiter`` with the rates of the settings.

    The window of a caller opens with the first forecast and lasts a minute. Two
    full windows may touch, so that for a moment a caller gets twice the rate; for
    that, everybody can be told to the second when the next forecast is free.
    """

    def __init__(self, auth: AuthConfig, clock: Clock) -> None:
        """Start with nothing counted; the clock says when windows end."""
        self._own = dict(auth.rates_per_minute)
        self._usual = auth.rate_per_minute
        self._clock = clock
        self._open: dict[str, tuple[int, float]] = {}  # spent, when the window ends

    def spend(self, name: str, cost: int) -> Quota | None:
        """Charge so many forecasts, or nothing if that is more than what is left."""
        limit = self._own.get(name, self._usual)
        if limit is None:
            return None
        now_s = self._clock()
        window = self._open.get(name)
        if window is None or window[1] <= now_s:
            self._forget_closed(now_s)
            window = (0, now_s + WINDOW_S)
        spent, ends_at_s = window
        is_allowed = spent + cost <= limit
        if is_allowed:
            spent += cost
            self._open[name] = (spent, ends_at_s)
        left_s = min(ends_at_s - now_s, WINDOW_S)  # (t + 60) - t may be above 60
        return Quota(is_allowed, limit, limit - spent, left_s)

    def _forget_closed(self, now_s: float) -> None:
        """Drop the windows that have ended: names come and go with their keys."""
        self._open = {
            name: window for name, window in self._open.items() if window[1] > now_s
        }

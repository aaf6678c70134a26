"""Trading sessions: hours at which news comes, nights and weekends without."""

import numpy as np

from tsfm_runner.testing.markets.normal import FloatArray
from tsfm_runner.testing.markets.traits import SessionTraits

DAY_HOURS = 24
WEEK_DAYS = 7
WORKING_DAYS = 5


def session_pace(sessions: SessionTraits, *, hours: float) -> FloatArray:
    """Return what is left of each event's pace, so many hours after the start.

    In a session it is faster by as much as it is slower outside: over a week as
    much is learned as without sessions. It is 1 for events that know none.
    """
    days = WEEK_DAYS * sessions.phase + hours / DAY_HOURS
    is_working = (days % WEEK_DAYS < WORKING_DAYS) | ~sessions.rest_at_weekends
    share = sessions.hours / DAY_HOURS
    is_open = (days % 1 < share) & is_working
    busy = share * np.where(sessions.rest_at_weekends, WORKING_DAYS / WEEK_DAYS, 1.0)
    rest = sessions.rest
    boost = 1 / np.sqrt(busy + (1 - busy) * rest**2)
    pace = np.where(is_open, boost, rest * boost)
    return np.asarray(np.where(sessions.are_kept, pace, 1.0))

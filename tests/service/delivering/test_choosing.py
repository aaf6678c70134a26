"""An endpoint is told of what it wants, and of nothing else."""

import pytest
from tests.service.delivering.desks import config_of
from tests.service.signals_told import breach_signal, closed, followed

from tsfm_runner.service.delivering.choosing import is_wanted, severities_from


def test_a_severity_stands_for_all_above_it() -> None:
    assert severities_from("moderate") == {"moderate", "severe", "extreme"}
    assert severities_from("extreme") == {"extreme"}


@pytest.mark.parametrize(
    ("severity", "expected"), [("moderate", False), ("severe", True), ("extreme", True)]
)
def test_a_signal_is_wanted_from_the_lowest_severity_on(
    severity: str, *, expected: bool
) -> None:
    config = config_of(min_severity="severe")

    assert is_wanted(breach_signal(1, severity=severity), config) is expected


def test_a_signal_of_a_phase_that_was_not_asked_for_is_not_wanted() -> None:
    config = config_of(phases=["closed"])

    assert not is_wanted(breach_signal(1), config)
    assert is_wanted(closed(breach_signal(1), 2), config)


def test_what_came_of_a_breach_that_is_over_is_no_news_to_an_alertmanager() -> None:
    alerts, events = config_of(format="alertmanager"), config_of()
    opened = breach_signal(1)
    later = followed(closed(opened, 2), 3)

    assert not is_wanted(later, alerts)
    assert is_wanted(later, events)
    assert is_wanted(followed(opened, 2), alerts)

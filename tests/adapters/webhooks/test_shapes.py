"""An alert keeps its labels for all its life, and ends when its breach does."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from tests.service.signals_told import breach_signal, closed, followed

from tsfm_runner.adapters.webhooks import Shape, shape_of
from tsfm_runner.api.breach_schemas import breach_of
from tsfm_runner.config import WebhookConfig
from tsfm_runner.domain.signals import BreachSignal

OPENED = breach_signal(1)
LATER_S = OPENED.opened_at_s + 7_200.0
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def shape(public_url: str | None = None, **settings: object) -> Shape:
    given = {"url": "http://a/", "format": "alertmanager", **settings}
    config = WebhookConfig.model_validate(given)
    return shape_of(
        config, describe=breach_of, public_url=public_url, now=lambda: LATER_S
    )


def alert(signal: BreachSignal, **settings: object) -> Any:  # noqa: ANN401 - any JSON
    return shape(None, **settings).payload(signal)


def moment_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_labels_of_an_alert_never_change() -> None:
    life = [
        OPENED,
        breach_signal(2, dedupe_key="key-1", phase="escalated", severity="extreme"),
        closed(OPENED, 3),
    ]

    labels = [alert(signal)["labels"] for signal in life]

    assert labels[0] == labels[1] == labels[2]
    assert labels[0] == {
        "alertname": "TsfmBreach",
        "market_id": "will-it-rain",
        "direction": "up",
        "dedupe_key": "key-1",
    }


def test_what_changes_of_a_breach_is_told_beside_the_labels() -> None:
    later = breach_signal(2, phase="escalated", severity="extreme", price=0.9)
    over = followed(closed(OPENED, 2), 3)

    told, ended = alert(later)["annotations"], alert(over)["annotations"]

    assert (told["severity"], told["phase"], told["price"]) == (
        "extreme",
        "escalated",
        "0.9",
    )
    assert ended["close_reason"] == over.close_reason
    assert ended["followed"] == "yes"
    assert all(isinstance(text, str) for text in {**told, **ended}.values())


def test_labels_of_the_settings_are_added_and_replace_none_of_ours() -> None:
    labels = alert(OPENED, labels={"team": "markets", "market_id": "mine"})["labels"]

    assert labels["team"] == "markets"
    assert labels["market_id"] == "will-it-rain"
    assert all(LABEL.fullmatch(name) for name in labels)


def test_an_open_alert_ends_by_itself_when_it_is_no_longer_told() -> None:
    told = alert(OPENED, open_for_minutes=20.0)

    assert moment_s(told["startsAt"]) == OPENED.opened_at_s
    assert moment_s(told["endsAt"]) == LATER_S + 1_200.0


def test_an_alert_of_a_closed_breach_ends_when_it_closed() -> None:
    over = closed(OPENED, 3)

    told = alert(over)

    assert over.closed_at_s is not None
    assert moment_s(told["endsAt"]) == over.closed_at_s


@pytest.mark.parametrize("ahead_s", [0.0, 9_999.0])
def test_no_alert_that_is_over_ends_in_the_future_or_before_it_began(
    ahead_s: float,
) -> None:
    opened = breach_signal(1, opened_at_s=LATER_S + ahead_s)
    over = replace(closed(opened, 3), closed_at_s=LATER_S + 2 * ahead_s)

    told = alert(over)

    assert moment_s(told["startsAt"]) <= moment_s(told["endsAt"]) <= LATER_S


def test_an_alert_links_to_the_page_of_its_market() -> None:
    signal = breach_signal(1, market_id="a/b c")

    with_link = shape("https://tsfm.test/").payload(signal)
    without = shape().payload(signal)

    assert with_link["generatorURL"] == "https://tsfm.test/ui/market?id=a%2Fb%20c"
    assert "generatorURL" not in without


def test_the_source_of_an_event_is_the_public_address() -> None:
    event = shape("https://tsfm.test/", format="cloudevents").payload(OPENED)

    assert event["source"] == "https://tsfm.test"


def test_several_alerts_are_one_list_named_by_the_newest() -> None:
    message = shape().message([breach_signal(1), breach_signal(2)])

    assert message.id == "key-2.2"
    assert message.body.count(b'"alertname"') == 2

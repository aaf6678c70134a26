"""Endpoints are named and told of safely, and a signature is not forgotten."""

from typing import Any

import pytest
from pydantic import ValidationError

from tsfm_runner.config import WebhookConfig, WebhooksConfig

URL = "http://127.0.0.1:9093/api/v2/alerts"
SECRET = "a-secret-long-enough"


def refusal(model: type[Any], **given: Any) -> str:  # noqa: ANN401 - any setting
    with pytest.raises(ValidationError) as caught:
        model.model_validate(given)
    return str(caught.value)


@pytest.mark.parametrize("url", ["ftp://a/", "http://me:word@a/", "file:///etc", "a"])
def test_an_address_is_one_of_http_without_a_user(url: str) -> None:
    assert refusal(WebhookConfig, url=url)


@pytest.mark.parametrize("name", ["", "A", "../x", "a b", "x" * 33, "-a", "a\n"])
def test_a_name_is_safe_in_metrics_and_logs(name: str) -> None:
    assert refusal(WebhooksConfig, endpoints={name: {"url": URL}})


def test_the_format_and_its_settings_fit() -> None:
    alerts = {"url": URL, "format": "alertmanager"}

    assert "opened and closed" in refusal(WebhookConfig, **alerts, phases=["opened"])
    assert "only alerts" in refusal(WebhookConfig, url=URL, labels={"a": "b"})
    assert refusal(WebhookConfig, **alerts, labels={"a-b": "c"})


def test_pauses_are_ordered() -> None:
    assert "first_backoff_s" in refusal(
        WebhookConfig, url=URL, first_backoff_s=9, longest_backoff_s=8
    )
    assert "at least twice" in refusal(
        WebhookConfig, url=URL, repost_interval_s=61, open_for_minutes=2
    )


def test_an_endpoint_of_events_has_exactly_one_secret() -> None:
    events = {"url": URL}
    both = {"url": URL, "secret_file": "/run/secret"}

    assert "has no secret" in refusal(WebhooksConfig, endpoints={"a": events})
    assert "both give" in refusal(
        WebhooksConfig, endpoints={"a": both}, secrets={"a": SECRET}
    )
    assert "b is no endpoint" in refusal(
        WebhooksConfig, endpoints={"a": both}, secrets={"b": SECRET}
    )


def test_an_alertmanager_needs_no_secret() -> None:
    given = {"a": {"url": URL, "format": "alertmanager"}}

    assert WebhooksConfig.model_validate({"endpoints": given}).endpoints["a"]


@pytest.mark.parametrize("secret", ["short", "whsec_***************"])
def test_a_secret_is_long_and_after_whsec_base64(secret: str) -> None:
    told = refusal(WebhooksConfig, endpoints={"a": {"url": URL}}, secrets={"a": secret})

    assert "secrets.a" in told

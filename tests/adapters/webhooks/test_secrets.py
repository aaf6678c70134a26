"""Secrets come from the environment or from files, and are never quoted."""

from pathlib import Path
from typing import Any

import pytest

from tsfm_runner.adapters.webhooks import read_secrets
from tsfm_runner.config import WebhooksConfig
from tsfm_runner.errors import ConfigurationError

SECRET = "a-secret-long-enough"


def config(**parts: Any) -> WebhooksConfig:  # noqa: ANN401 - any setting
    return WebhooksConfig.model_validate(parts)


def in_file(path: Path) -> WebhooksConfig:
    return config(endpoints={"alerts": {"url": "http://a/", "secret_file": str(path)}})


def test_a_secret_comes_from_the_settings() -> None:
    given = config(
        endpoints={
            "alerts": {"url": "http://a/"},
            "am": {"url": "http://a/", "format": "alertmanager"},
        },
        secrets={"alerts": SECRET},
    )

    assert read_secrets(given) == {"alerts": (SECRET,), "am": ()}


def test_a_file_may_hold_several_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"# the new one\n{SECRET}-new\n\n{SECRET}\n", encoding="utf-8")

    assert read_secrets(in_file(path)) == {"alerts": (f"{SECRET}-new", SECRET)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n", "holds no secret"),
        ("too-short", "at least 16 characters"),
        ("whsec_not-base64-at-all", "must be base64"),
        ("changeme-changeme-changeme", "placeholder"),
    ],
)
def test_a_file_without_a_usable_secret_is_refused_and_not_quoted(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "secret"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=problem) as caught:
        read_secrets(in_file(path))

    assert "webhooks.endpoints.alerts.secret_file" in str(caught.value)
    assert text.strip() == "" or text not in str(caught.value)

"""Read the secrets that sign: those of the settings, and those of files."""

from pathlib import Path

from pydantic import SecretStr, TypeAdapter, ValidationError

from tsfm_runner.adapters.text_file import read_text
from tsfm_runner.config import WebhooksConfig
from tsfm_runner.config.webhooks import WebhookSecret
from tsfm_runner.errors import ConfigurationError

_SECRETS: TypeAdapter[list[SecretStr]] = TypeAdapter(list[WebhookSecret])


def read_secrets(config: WebhooksConfig) -> dict[str, tuple[str, ...]]:
    """Return the secrets of each endpoint by its name; none for one that has none.

    Raises ``ConfigurationError``, which never quotes a secret, for a file that cannot
    be read, holds no secret, or one that could be guessed.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, endpoint in config.endpoints.items():
        if endpoint.secret_file is not None:
            found[name] = _read(name, endpoint.secret_file)
        elif name in config.secrets:
            found[name] = (config.secrets[name].get_secret_value(),)
        else:
            found[name] = ()
    return found


def _read(name: str, path: Path) -> tuple[str, ...]:
    lines = [line.strip() for line in read_text(path).splitlines()]
    given = [line for line in lines if line and not line.startswith("#")]
    problem = "holds no secret"
    if given:
        try:
            checked = _SECRETS.validate_python(given)
            return tuple(secret.get_secret_value() for secret in checked)
        except ValidationError as exc:
            told = exc.errors(include_url=False, include_context=False)[0]["msg"]
            problem = told.removeprefix("Value error, ")
    # Raised out here so that no traceback carries pydantic's error: it quotes values.
    raise ConfigurationError(
        f"webhooks.endpoints.{name}.secret_file: {path}: {problem}"
    )

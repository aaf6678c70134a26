"""The options that say where a running service is, and who asks."""

import os
from typing import Annotated, TypeAlias

import typer

from tsfm_runner.errors import ConfigurationError

UrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Address of a running service, as http://127.0.0.1:8000."),
]
TokenEnvOption: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Environment variable that holds the service's token."),
]


def checked_url(url: str | None) -> str | None:
    """Return the address; raise ``BadParameter`` for one that is none of HTTP."""
    if url is not None and not url.startswith(("http://", "https://")):
        raise typer.BadParameter(
            "must begin with http:// or https://", param_hint="url"
        )
    return url


def headers_of(token_env: str | None) -> dict[str, str]:
    """Return the headers that carry the token of the variable, if one is named.

    Raises ``ConfigurationError`` where it is not set.
    """
    if token_env is None:
        return {}
    token = os.environ.get(token_env)
    if not token:
        raise ConfigurationError(f"--token-env names {token_env}, which is not set")
    return {"Authorization": f"Bearer {token}"}

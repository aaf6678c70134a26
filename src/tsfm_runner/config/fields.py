"""The types that settings are made of."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Space = Literal["logit", "identity"]
RungName = Literal["tollama", "embedded", "baseline"]
BaselineMethod = Literal["ewma", "kalman", "rolling_quantile", "har"]
LiquidityBucket = Literal["low", "mid", "high"]

MIN_TOKEN_LENGTH = 16
_PLACEHOLDERS = ("changeme", "change-me", "replace", "example", "placeholder", "your-")


def _real_token(token: SecretStr) -> SecretStr:
    """Refuse tokens that somebody forgot to replace or could guess."""
    text = token.get_secret_value()
    if any(letter.isspace() or not letter.isprintable() for letter in text):
        raise ValueError("a token may hold no space and nothing unprintable")
    if len(text) < MIN_TOKEN_LENGTH:
        msg = f"a token needs at least {MIN_TOKEN_LENGTH} characters"
        raise ValueError(msg)
    if any(word in text.lower() for word in _PLACEHOLDERS):
        msg = "this is a placeholder, not a token"
        raise ValueError(msg)
    return token


def _sendable_token(token: SecretStr) -> SecretStr:
    """Return the token without the newline that files and shells leave behind."""
    text = token.get_secret_value().strip()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a token must be printable ASCII")
    return SecretStr(text)


Token = Annotated[SecretStr, AfterValidator(_real_token)]
SendableToken = Annotated[SecretStr, AfterValidator(_sendable_token)]


class Section(BaseModel):
    """A part of the settings; a misspelt key is an error, not a default."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

"""Read and write ``verdict.yaml``: what was decided of each model in each segment."""

from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from tsfm_runner.adapters.text_file import read_mapping, replace_text
from tsfm_runner.config import BaselineMethod
from tsfm_runner.domain.frequency import MAX_STEP_S, MIN_STEP_S
from tsfm_runner.domain.verdict import (
    SegmentKey,
    SegmentVerdict,
    Verdict,
    VerdictOrigin,
    VerdictReason,
)
from tsfm_runner.errors import ConfigurationError

SCHEMA = "tsfm-runner/verdict/1"
_DECIMALS = 6
_TOLD_AT_MOST = 5
_NUMBERS = ("ratio", "low", "high", "closed", "open", "error")
_HEAD = """\
# Where models are proven better than the baselines. `tsfm-runner evaluate` and
# `tsfm-runner verdict --write` make it; the service reads it anew when it changes.
"""

_Count = Annotated[int, Field(ge=0)]
_Text = Annotated[str, Field(min_length=1)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    """A part of the file; a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Segment(_Part):
    model: _Text
    revision: _Text
    step_s: Annotated[int, Field(ge=MIN_STEP_S, le=MAX_STEP_S)]
    segment: _Text
    proven: Annotated[bool, Field(strict=True)]
    reason: VerdictReason | None
    better_baseline: BaselineMethod
    against: BaselineMethod
    ratio: _Number | None
    low: _Number | None
    high: _Number | None
    closed: _Number | None
    open: _Number | None
    error: _Number | None
    n: _Count
    n_groups: _Count

    @model_validator(mode="after")
    def _what_is_not_proven_says_why(self) -> Self:
        if not self.proven and self.reason is None:
            raise ValueError("what is not proven needs a reason")
        return self


class _File(_Part):
    schema_: Annotated[Literal["tsfm-runner/verdict/1"], Field(alias="schema")]
    version: Annotated[int, Field(ge=1)]
    decided_at: AwareDatetime
    source: VerdictOrigin
    baselines: tuple[BaselineMethod, ...]
    segments: tuple[_Segment, ...]


def read_verdict(path: Path) -> Verdict:
    """Return the verdict that the file holds.

    Raises ``ConfigurationError``, which names the field, for a file that cannot be
    used: unreadable, of another schema, with a field that is missing, unknown or
    wrong, or with two verdicts on the same segment.
    """
    try:
        file = _File.model_validate(read_mapping(path))
    except ValidationError as exc:
        raise ConfigurationError(f"{path}: {_told(exc)}") from exc
    segments = tuple(map(_segment, file.segments))
    seen: set[SegmentKey] = set()
    for place, one in enumerate(segments):
        if one.key in seen:
            raise ConfigurationError(f"{path}: segments.{place} is there twice")
        seen.add(one.key)
    return Verdict(file.version, file.decided_at, file.source, file.baselines, segments)


def _told(exc: ValidationError) -> str:
    errors = exc.errors(include_url=False, include_context=False)
    told = [
        f"{'.'.join(str(part) for part in error['loc'])}: "
        f"{error['msg'].removeprefix('Value error, ')}"
        for error in errors[:_TOLD_AT_MOST]
    ]
    n_more = len(errors) - len(told)
    return "; ".join([*told, *([f"and {n_more} more"] if n_more else [])])


def write_verdict(verdict: Verdict, path: Path) -> None:
    """Put the verdict in the place of the file, whole or not at all.

    Raises ``ConfigurationError`` where it cannot be written.
    """
    replace_text(path, _HEAD + yaml.safe_dump(document_of(verdict), sort_keys=False))


def document_of(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as it stands in the file: plain words and numbers."""
    return {
        "schema": SCHEMA,
        "version": verdict.version,
        "decided_at": verdict.decided_at.astimezone(UTC).isoformat(),
        "source": verdict.source,
        "baselines": list(verdict.baselines),
        "segments": [_document_of(one) for one in verdict.segments],
    }


def _document_of(one: SegmentVerdict) -> dict[str, Any]:
    key = one.key
    return {
        "model": key.model_name,
        "revision": key.model_version,
        "step_s": key.step_s,
        "segment": key.segment,
        "proven": one.is_proven,
        "reason": None if one.reason is None else one.reason.value,
        "better_baseline": one.better_baseline,
        "against": one.against,
        **{name: _rounded(getattr(one, name)) for name in _NUMBERS},
        "n": one.n,
        "n_groups": one.n_groups,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, _DECIMALS)


def _segment(one: _Segment) -> SegmentVerdict:
    return SegmentVerdict(
        SegmentKey(one.model, one.revision, one.step_s, one.segment),
        one.proven,
        one.reason,
        one.better_baseline,
        one.against,
        one.ratio,
        one.low,
        one.high,
        one.closed,
        one.open,
        one.error,
        one.n,
        one.n_groups,
    )

"""The tracer that traces nothing, for a process that was not told to."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from tsfm_runner.ports import Span, SpanKind


class NoSpan:
    """A span that nobody looks at; one is enough for all."""

    traceparent = ""

    def tell(self, **facts: str | float | bool) -> None:
        """Let it be."""

    def __enter__(self) -> Self:
        """Begin nothing."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End nothing."""


_NO_SPAN = NoSpan()


class Untraced:
    """A ``Tracer`` that makes no spans."""

    def span(
        self,
        name: str,  # noqa: ARG002 - nothing is made of it
        *,
        parent: str,  # noqa: ARG002 - the same
        kind: SpanKind = "internal",  # noqa: ARG002 - the same
        links: Sequence[str] = (),  # noqa: ARG002 - the same
    ) -> AbstractContextManager[Span]:
        """Return the span that is none."""
        return _NO_SPAN

    def stage(
        self,
        name: str,  # noqa: ARG002 - the same
        parents: Iterable[str],  # noqa: ARG002 - the same
    ) -> AbstractContextManager[object]:
        """Return the span that is none."""
        return _NO_SPAN


UNTRACED = Untraced()

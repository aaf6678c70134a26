"""What a study found, as frames and as a report."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from tsfm_runner.adapters.frames import like
from tsfm_runner.domain.verdict import Verdict
from tsfm_runner.evaluation.frames import TableName, table_frame
from tsfm_runner.evaluation.report import render
from tsfm_runner.evaluation.schema import Document, Timing


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a study found.

    ``document`` is what ``scores.json`` holds, the same for the same data and
    choices; ``timing`` is not. Frames are of the library of the data.
    """

    document: Document
    timing: Timing
    verdict: Verdict | None
    _markets: pl.DataFrame
    _like: Any

    @property
    def overall(self) -> Any:  # noqa: ANN401 - a frame of the caller's library
        """A row for each entry, freq, step (null: all) and weighting."""
        return self._table("overall")

    @property
    def segments(self) -> Any:  # noqa: ANN401
        """A row for each entry, freq, segment and step."""
        return self._table("segments")

    @property
    def ratios(self) -> Any:  # noqa: ANN401
        """A row for each pair of entries, freq, step, weighting and score."""
        return self._table("ratios")

    @property
    def cold_start(self) -> Any:  # noqa: ANN401
        """A row for each entry, freq, age of a market and step."""
        return self._table("cold_start")

    @property
    def markets(self) -> Any:  # noqa: ANN401
        """A row for each entry, market and step."""
        return self._as_asked(self._markets)

    def to_html(self) -> str:
        """Return the report, one page that needs nothing else."""
        return render(self.document | {"timing": self.timing})

    def _table(self, name: TableName) -> Any:  # noqa: ANN401
        return self._as_asked(table_frame(self.document, name))

    def _as_asked(self, frame: pl.DataFrame) -> Any:  # noqa: ANN401
        return frame if self._like is None else like(self._like, frame)

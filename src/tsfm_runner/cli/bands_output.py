"""Where bands go: a file, the standard output, or nowhere but a table."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from tsfm_runner.adapters.files.bands import BandsSink, open_bands, write_bands_lines

STDOUT = "-"


@contextmanager
def open_sink(out: str | None, collected: list[pl.DataFrame]) -> Generator[BandsSink]:
    """Hand out what takes bands as they come; without a place they are collected."""
    if out is None:
        yield collected.append
    elif out == STDOUT:
        yield lambda frame: write_bands_lines(frame, sys.stdout)
    else:
        with open_bands(Path(out)) as sink:
            yield sink

"""Files that appear as a whole, or not at all."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tsfm_runner.errors import UnreadableInputError


@contextmanager
def whole_file(path: Path, *, prefix: str) -> Generator[Path]:
    """Hand out where to write a file, which takes its place once the block is left.

    Until then it is in a folder beside the target, whose name begins with the prefix.
    Raises ``UnreadableInputError`` where it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=prefix, dir=path.parent) as name:
            whole = Path(name) / path.name
            yield whole
            whole.replace(path)
    except OSError as exc:
        raise UnreadableInputError(
            f"{path} cannot be written: {exc.strerror or exc}"
        ) from exc

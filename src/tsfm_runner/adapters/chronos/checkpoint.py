"""Find the checkpoints that the settings name, and read what each of them is."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from tsfm_runner.config import ChronosConfig, ChronosModelConfig
from tsfm_runner.domain.task import MAX_LEVEL, MIN_LEVEL
from tsfm_runner.errors import ConfigurationError

Kind: TypeAlias = Literal["Chronos2Pipeline", "ChronosBoltPipeline"]

INSTALL_HINT = "pip install 'tsfm-runner[chronos]'"

_CONFIG_FILE = "config.json"
_ADAPTER_FILE = "adapter_config.json"
WEIGHTS = "*.safetensors"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_MEDIAN = 0.5
_REVISION_LENGTH = 12


def _usable_levels(levels: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in pairwise(levels)):
        raise ValueError("must ascend")
    if _MEDIAN not in levels:
        raise ValueError("must hold 0.5")  # the library returns the median beside them
    return levels


_Count = Annotated[int, Field(ge=1)]
_Level = Annotated[float, Field(ge=MIN_LEVEL, le=MAX_LEVEL)]
_Levels = Annotated[
    tuple[_Level, ...], Field(min_length=2), AfterValidator(_usable_levels)
]


class _Forecasting(BaseModel):
    context_length: _Count
    quantiles: _Levels


class _ModelFile(BaseModel):
    """The part of ``config.json`` that we read."""

    chronos_pipeline_class: Kind
    chronos_config: _Forecasting


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on this machine; ``revision`` is a digest of all that it is."""

    name: str
    folder: Path
    revision: str
    kind: Kind
    context_length: int
    quantile_levels: tuple[float, ...]


def find_checkpoints(config: ChronosConfig) -> list[Checkpoint]:
    """Return every checkpoint that the settings name, fetched if they allow that.

    Raises ``ConfigurationError``, which names the setting, for one that is missing or
    no checkpoint of Chronos-2 or Chronos-Bolt, and where the extra is not installed.
    """
    if config.models:
        require_extra("chronos")
    return [
        read_checkpoint(name, _folder(name, model, config))
        for name, model in config.models.items()
    ]


def require_extra(module: str) -> None:
    """Raise ``ConfigurationError`` unless the module is installed."""
    if find_spec(module) is None:
        raise ConfigurationError(f"chronos.models needs {module}: {INSTALL_HINT}")


def is_hub_name(source: str) -> bool:
    """Whether the source is no folder here, and may be a name on the hub."""
    return not Path(source).is_dir() and _HUB_NAME.fullmatch(source) is not None


def read_checkpoint(name: str, folder: Path) -> Checkpoint:
    """Return what a folder holds; raise ``ConfigurationError`` if no checkpoint."""
    if (folder / _ADAPTER_FILE).exists():
        raise _fault(name, f"{folder} is an adapter: merge it with its model first")
    weights = sorted(folder.glob(WEIGHTS))
    if not weights:
        raise _fault(name, f"{folder} has no {WEIGHTS}")
    path = folder / _CONFIG_FILE
    try:
        model = _ModelFile.model_validate_json(path.read_bytes())
        revision = _digest([path, *weights])
    except OSError as exc:
        raise _fault(name, f"{exc.filename} cannot be read: {exc.strerror}") from None
    except ValidationError as exc:
        reason = f"{path} is not of Chronos-2 or Chronos-Bolt: {_told(exc)}"
        raise _fault(name, reason) from None
    return Checkpoint(
        name,
        folder,
        revision,
        model.chronos_pipeline_class,
        model.chronos_config.context_length,
        model.chronos_config.quantiles,
    )


def _folder(name: str, model: ChronosModelConfig, config: ChronosConfig) -> Path:
    if not is_hub_name(model.source):
        if Path(model.source).is_dir():
            return Path(model.source)
        raise _fault(name, f"there is no folder {model.source}")
    require_extra("huggingface_hub")
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - of the extra

    # The library would ask the hub for adapters even where it is told not to; it is
    # given nothing but folders.
    try:
        folder = snapshot_download(
            model.source,
            revision=model.hub_revision,
            allow_patterns=["*.json", WEIGHTS],
            local_files_only=not config.allow_download,
        )
    except (OSError, ValueError, RuntimeError) as exc:
        where = (
            "could not be fetched from the hub"
            if config.allow_download
            else "is no folder here, and was never fetched from the hub "
            "(chronos.allow_download is false)"
        )
        raise _fault(name, f"{model.source} {where}: {type(exc).__name__}") from exc
    return Path(folder)


def _digest(paths: Iterable[Path]) -> str:
    """Return what changes with every weight and every word of the files."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:_REVISION_LENGTH]


def _fault(name: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"chronos.models.{name}: {reason}")


def _told(exc: ValidationError) -> str:
    error = exc.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"

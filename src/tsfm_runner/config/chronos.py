"""Chronos models that run in our own process, with the extra ``chronos``."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tsfm_runner.config.fields import Count, Section

_Text = Annotated[str, Field(min_length=1)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class ChronosModelConfig(Section):
    """One checkpoint of Chronos-2 or Chronos-Bolt."""

    source: _Text
    """Folder of the checkpoint, or its name on the Hugging Face hub."""
    hub_revision: _Text | None = None
    """Branch, tag or commit on the hub; unset: its main branch."""
    license_name: _Text | None = None
    """Licence of the weights; unset: known of `amazon/chronos-...` only."""
    license_tag: Literal["commercial_ok", "research_only"] | None = None
    """What that licence allows; it goes with `license_name`."""

    @model_validator(mode="after")
    def _licence_is_whole(self) -> Self:
        if (self.license_name is None) != (self.license_tag is None):
            raise ValueError("license_name and license_tag go together")
        return self


def _with_source(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the settings
    """Return a source that stands alone as the model that it is."""
    return {"source": value} if isinstance(value, str) else value


_Model = Annotated[ChronosModelConfig, BeforeValidator(_with_source)]


class ChronosConfig(Section):
    """Chronos models in our own process; they need the extra `chronos`."""

    models: dict[_Name, _Model] = Field(default_factory=dict)
    """Name of each model, and the folder or hub name of its checkpoint, or a mapping
    with `source` and, as needed, `hub_revision`, `license_name` and `license_tag`."""
    allow_download: bool = False
    """Fetch checkpoints from the hub at the start; without it only what lies on this
    machine is used."""
    device: _Text = "cpu"
    """Where models compute: `cpu`, `cuda`, `cuda:1`, `mps`."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision in which models compute."""
    threads: Count = 1
    """CPU threads that compute one call."""
    batch_size: Count = 8
    """Most series in one call, covariates counted as series; a model computes them
    together."""

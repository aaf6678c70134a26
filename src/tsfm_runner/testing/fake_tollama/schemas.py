"""What the daemon accepts, key by key; anything else is refused."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

Text = Annotated[StrictStr, Field(min_length=1)]
Number = StrictInt | StrictFloat
Column = list[Number | StrictStr]
Level = Annotated[StrictFloat, Field(gt=0, lt=1)]


class Body(BaseModel):
    """A part of a request; unknown keys are refused at every level."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SeriesBody(Body):
    """One series; timestamps are texts that nobody parses when freq is given."""

    id: Text
    freq: Text = "auto"
    timestamps: Annotated[list[StrictStr], Field(min_length=1)]
    target: Annotated[list[Number], Field(min_length=1)]
    actuals: list[Number] | None = None
    past_covariates: dict[Text, Column] | None = None
    future_covariates: dict[Text, Column] | None = None
    static_covariates: dict[Text, Number | StrictStr] | None = None

    @model_validator(mode="after")
    def _lengths_match(self) -> Self:
        if len(self.target) != len(self.timestamps):
            raise ValueError("target length must match timestamps length")
        for name, column in (self.past_covariates or {}).items():
            if len({isinstance(value, str) for value in column}) > 1:
                msg = "must contain either only numeric values or only string values"
                raise ValueError(f"past_covariates[{name!r}] {msg}")
            if len(column) != len(self.timestamps):
                msg = "length must match timestamps length"
                raise ValueError(f"past_covariates[{name!r}] {msg}")
        return self


class Metrics(Body):
    """Scores to compute against ``actuals``."""

    names: Annotated[list[Text], Field(min_length=1)]


class Parameters(Body):
    """How covariates are treated, and which scores are wanted."""

    covariates_mode: Literal["best_effort", "strict"] = "best_effort"
    metrics: Metrics | None = None
    timesfm: dict[str, Any] | None = None


class ResponseOptions(Body):
    """Extra parts of the answer; the double accepts them and leaves them out."""

    narrative: bool = False
    explain: bool = False


class ForecastBody(Body):
    """A request of ``/v1/forecast``."""

    model: Text
    horizon: Annotated[StrictInt, Field(gt=0)]
    quantiles: list[Level] = []
    series: list[SeriesBody] = []
    options: dict[str, Any] = {}
    keep_alive: Any = None
    parameters: Parameters = Parameters()
    timeout: Annotated[StrictFloat, Field(gt=0)] | None = None
    modelfile: Text | None = None
    data_url: Text | None = None
    ingest: dict[str, Any] | None = None
    response_options: ResponseOptions = ResponseOptions()

    @field_validator("quantiles")
    @classmethod
    def _levels_ascend(cls, levels: list[float]) -> list[float]:
        if len(set(levels)) < len(levels):
            raise ValueError("quantiles must be unique")
        if any(low > high for low, high in pairwise(levels)):
            raise ValueError("quantiles must be sorted in ascending order")
        return levels

    @model_validator(mode="after")
    def _series_fit(self) -> Self:
        if not self.series and self.data_url is None:
            raise ValueError("either series or data_url is required")
        for series in self.series:
            _check_future(series, self.horizon)
            _check_actuals(series, self.horizon, wanted=self.parameters.metrics)
        return self


class StreamedForecastBody(ForecastBody):
    """A request of ``/api/forecast``: it may choose between NDJSON and JSON."""

    stream: bool = True


class ShowBody(Body):
    """A request of ``/api/show``."""

    model: Text


class PullBody(Body):
    """A request of ``/api/pull``."""

    model: Text
    stream: bool = True
    accept_license: bool = False
    offline: bool = False


def _check_future(series: SeriesBody, horizon: int) -> None:
    past = series.past_covariates or {}
    for name, column in (series.future_covariates or {}).items():
        if name not in past:
            raise ValueError(
                "future_covariates must also exist in past_covariates; "
                f"missing past values for covariate {name!r}"
            )
        if len(column) != horizon:
            raise ValueError(
                f"future_covariates[{name!r}] length must match horizon ({horizon})"
            )


def _check_actuals(series: SeriesBody, horizon: int, *, wanted: Metrics | None) -> None:
    if wanted is not None and series.actuals is None:
        raise ValueError(
            "series.actuals is required when parameters.metrics is provided; "
            f"missing for series {series.id!r}"
        )
    if series.actuals is not None and len(series.actuals) != horizon:
        raise ValueError(f"actuals length must match horizon ({horizon})")

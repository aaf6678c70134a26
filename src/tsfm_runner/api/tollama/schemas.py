"""What clients of tollama send; keys that mean nothing here are let through."""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeAlias

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

from tsfm_runner.api.schemas import MAX_BATCH, MAX_COVARIATES
from tsfm_runner.domain.task import MAX_HORIZON, MAX_LEVELS, MAX_MARKET_ID_LENGTH

Text: TypeAlias = Annotated[StrictStr, Field(min_length=1)]
SeriesId: TypeAlias = Annotated[Text, Field(max_length=MAX_MARKET_ID_LENGTH)]
Name: TypeAlias = Annotated[Text, Field(max_length=256)]
Moment: TypeAlias = Annotated[Text, Field(max_length=64)]
Number: TypeAlias = StrictInt | StrictFloat
Level: TypeAlias = Annotated[StrictFloat, Field(gt=0, lt=1)]
Column: TypeAlias = Annotated[
    list[Number | StrictStr], Field(min_length=1, fail_fast=True)
]
Columns: TypeAlias = Annotated[dict[Name, Column], Field(max_length=MAX_COVARIATES)]
Statics: TypeAlias = Annotated[dict[Name, Any], Field(max_length=MAX_COVARIATES)]


class TollamaModel(BaseModel):
    """A part of a request. Newer clients send keys that older daemons do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TollamaSeries(TollamaModel):
    """One series; NaN stands for a price that is missing."""

    id: SeriesId
    freq: Annotated[Text, Field(max_length=64)] = "auto"
    timestamps: Annotated[list[Moment], Field(min_length=1, fail_fast=True)]
    target: Annotated[list[Number], Field(min_length=1, fail_fast=True)]
    past_covariates: Columns | None = None
    future_covariates: Columns | None = None
    static_covariates: Statics | None = None

    @model_validator(mode="after")
    def _lengths_match(self) -> Self:
        if len(self.target) != len(self.timestamps):
            raise ValueError("target length must match timestamps length")
        for name, column in (self.past_covariates or {}).items():
            if len({isinstance(value, str) for value in column}) > 1:
                rule = "must contain either only numeric values or only string values"
                raise ValueError(f"past_covariates[{name!r}] {rule}")
            if len(column) != len(self.timestamps):
                rule = "length must match timestamps length"
                raise ValueError(f"past_covariates[{name!r}] {rule}")
        return self


class TollamaParameters(TollamaModel):
    """How covariates that a model cannot use are treated."""

    covariates_mode: Literal["best_effort", "strict"] = "best_effort"


class TollamaForecast(TollamaModel):
    """A forecast of one or more series, each a probability over time."""

    model: Text
    horizon: Annotated[StrictInt, Field(gt=0, le=MAX_HORIZON)]
    quantiles: Annotated[list[Level], Field(max_length=MAX_LEVELS)] = []
    series: Annotated[list[TollamaSeries], Field(max_length=MAX_BATCH)] = []
    parameters: TollamaParameters = TollamaParameters()
    data_url: Any = None

    @field_validator("quantiles")
    @classmethod
    def _levels_ascend(cls, levels: list[float]) -> list[float]:
        if any(low > high for low, high in pairwise(levels)):
            raise ValueError("quantiles must be sorted in ascending order")
        if len(set(levels)) < len(levels):
            raise ValueError("quantiles must be unique")
        return levels

    @model_validator(mode="after")
    def _series_fit(self) -> Self:
        if not self.series and self.data_url is not None:
            raise ValueError("data_url is not supported here; send series")
        if not self.series:
            raise ValueError("either series or data_url is required")
        for series in self.series:
            _check_future(series, self.horizon)
        return self


class TollamaStreamedForecast(TollamaForecast):
    """The same where the caller may choose between lines and one document."""

    stream: bool = True


class TollamaName(TollamaModel):
    """The name of a model."""

    model: Text


class TollamaPull(TollamaName):
    """A model that the caller wants to have here."""

    stream: bool = True


def _check_future(series: TollamaSeries, horizon: int) -> None:
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

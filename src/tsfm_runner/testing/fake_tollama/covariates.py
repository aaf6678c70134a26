"""Which covariates a model takes; the others are dropped, or refused when strict."""

from collections.abc import Iterator, Sequence

from tsfm_runner.testing.fake_tollama.catalog import CatalogModel
from tsfm_runner.testing.fake_tollama.refusals import RefusalError
from tsfm_runner.testing.fake_tollama.schemas import Parameters, SeriesBody


def check_covariates(
    series: Sequence[SeriesBody], model: CatalogModel, parameters: Parameters
) -> list[str]:
    """Return one warning for each covariate that the model cannot use."""
    name = f"model {model.name!r} (family={model.family})"
    problems = [
        f"unsupported covariate: {name} does not support {problem}"
        for item in series
        for problem in _problems(item, model)
    ]
    if problems and parameters.covariates_mode == "strict":
        raise RefusalError(400, "; ".join(problems))
    return [f"ignoring {problem}" for problem in problems]


def _problems(series: SeriesBody, model: CatalogModel) -> Iterator[str]:
    future = series.future_covariates or {}
    for name, column in (series.past_covariates or {}).items():
        if not model.takes_covariates:
            reach = "known-future" if name in future else "past-only"
            kind = "categorical" if isinstance(column[0], str) else "numeric"
            place = f"series={series.id!r} covariate={name!r}"
            yield f"{reach} {kind} covariates; {place}"
    if series.static_covariates:
        names = ",".join(series.static_covariates)
        yield f"static covariates; series={series.id!r} covariates={names!r}"

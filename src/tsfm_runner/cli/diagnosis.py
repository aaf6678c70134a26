"""The checks of ``doctor``, each with what was found and how to mend it."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, get_args

import numpy as np

from tsfm_runner.adapters.files.series import MarketSeries
from tsfm_runner.adapters.files.tasks import Question, ask_each
from tsfm_runner.adapters.ledger import ledger_path
from tsfm_runner.adapters.ledger.integrity import check_ledger
from tsfm_runner.bootstrap import build_app, open_backend
from tsfm_runner.config import BaselineMethod, ServerConfig, Settings, StoreConfig
from tsfm_runner.domain.forecast import Rung, ServedForecast
from tsfm_runner.domain.task import ForecastTask, ModelChoice
from tsfm_runner.errors import (
    ConfigurationError,
    InvalidTaskError,
    ModelFileError,
)
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.catalogue import ModelEntry, RuntimeStatus

_PACKAGE_DATA = (
    "configs/tsfm_models.yaml",
    "configs/tsfm_runtime.yaml",
    "data/har.json",
    "data/models/tsfm-mini/1/model.json",
    "data/models/tsfm-mini/1/model.onnx",
    "data/priors.json",
    "py.typed",
)
_SEED = 20260220


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``hint`` says how to mend it."""

    name: str
    outcome: Literal["ok", "failed", "skipped"]
    detail: str
    hint: str = ""


async def diagnose(settings: Settings) -> list[Check]:
    """Return every check of a process that has these settings."""
    checks = [_package_data(), _server(settings), _port(settings.server)]
    checks.append(_ledger(settings.store))
    try:
        async with open_backend(settings) as backend:
            checks += await _backend_checks(settings, backend)
    except ModelFileError as exc:
        hint = "Or set TSFM_EMBEDDED__ENABLED=false to do without these models."
        checks.append(Check("model files", "failed", str(exc), hint))
    except ConfigurationError as exc:
        hint = (
            "Mend the registry file, `models_file`, `tollama.model`, "
            "`embedded.model` or `chronos`."
        )
        checks.append(Check("models and licences", "failed", str(exc), hint))
    except InvalidTaskError as exc:
        hint = "Mend the section `task`."
        checks.append(Check("task settings", "failed", str(exc), hint))
    return checks


async def _backend_checks(settings: Settings, backend: Backend) -> list[Check]:
    entries = await backend.catalogue.entries()
    statuses = await backend.catalogue.statuses()
    return [
        _registry(entries, settings.environment),
        await _baselines(settings, backend),
        *_runtimes(settings, statuses),
        _default_model(settings, entries, statuses),
    ]


def _package_data() -> Check:
    root = files("tsfm_runner")
    missing = [name for name in _PACKAGE_DATA if not root.joinpath(name).is_file()]
    if missing:
        hint = "Install the package again; files of it are gone."
        return Check("package data", "failed", f"missing: {', '.join(missing)}", hint)
    return Check("package data", "ok", f"{len(_PACKAGE_DATA)} files present")


def _server(settings: Settings) -> Check:
    try:
        build_app(settings)
    except ConfigurationError as exc:
        hint = "Mend the settings that are named; `serve` would not start."
        return Check("server", "failed", str(exc), hint)
    return Check("server", "ok", "would start with these settings")


def _port(server: ServerConfig) -> Check:
    place = f"{server.host}:{server.port}"
    try:
        with socket.create_server((server.host, server.port)):
            return Check("port", "ok", f"{place} is free")
    except OSError as exc:
        hint = "Stop what listens there, or set TSFM_SERVER__HOST and _PORT."
        reason = exc.strerror or str(exc)
        return Check("port", "failed", f"{place} cannot be bound: {reason}", hint)


def _ledger(store: StoreConfig) -> Check:
    try:
        path = ledger_path(store.url)
    except ConfigurationError as exc:
        hint = "Set TSFM_STORE__URL to sqlite:///FILE, or unset it."
        return Check("ledger", "failed", str(exc), hint)
    if path is None:
        return Check("ledger", "skipped", "it is kept in memory only")
    if not path.is_file():
        return Check("ledger", "skipped", f"{path} is not there yet; `serve` makes it")
    verdict = check_ledger(path)
    if verdict.findings:
        hint = "Restore the file from a backup, or move it away to start anew."
        return Check("ledger", "failed", "; ".join(verdict.findings), hint)
    held = f"{verdict.n_forecasts:,} forecasts and {verdict.n_outcomes:,} outcomes"
    return Check("ledger", "ok", f"{path} holds {held}")


def _registry(entries: Sequence[ModelEntry], environment: str) -> Check:
    allowed = sum(entry.is_allowed for entry in entries)
    detail = f"{len(entries)} models known, {allowed} allowed in {environment}"
    return Check("models and licences", "ok", detail)


async def _baselines(settings: Settings, backend: Backend) -> Check:
    methods = get_args(BaselineMethod)
    tasks = [_made_up_task(settings, method) for method in methods]
    results = await backend.forecasts.forecast_many(
        tasks, deadline_s=settings.resilience.deadline_s
    )
    bad = [
        method
        for method, result in zip(methods, results, strict=True)
        if not (isinstance(result, ServedForecast) and _is_band(result))
    ]
    if bad:
        hint = "Undo changes of the sections `baseline` and `band`."
        return Check("baselines", "failed", f"no band from {', '.join(bad)}", hint)
    return Check("baselines", "ok", f"bands from {', '.join(methods)}")


def _made_up_task(settings: Settings, method: str) -> ForecastTask:
    changes = np.random.default_rng(_SEED).normal(0, 0.01, size=288)
    times_s = np.float64(1.7e9) + 300 * np.arange(changes.size, dtype=np.float64)
    prices = np.clip(0.5 + np.cumsum(changes), 0, 1)
    question = Question.from_config(
        settings.task, model=ModelChoice(provider="baseline", name=method)
    )
    (task,) = ask_each([MarketSeries("made-up", times_s, prices)], question)
    if not isinstance(task, ForecastTask):
        raise InvalidTaskError("task", task.reason)
    return task


def _is_band(served: ServedForecast) -> bool:
    values = served.values
    is_inside = bool(((values >= 0) & (values <= 1)).all())
    return is_inside and bool((np.diff(values, axis=1) >= 0).all())


def _runtimes(settings: Settings, statuses: Sequence[RuntimeStatus]) -> Iterator[Check]:
    if not statuses:
        detail = "no runtime is configured; baselines answer everything"
        hint = "Set TSFM_EMBEDDED__ENABLED or TSFM_TOLLAMA__URL to use a model."
        yield Check("runtimes", "skipped", detail, hint)
    for status in statuses:
        if status.error is not None:
            yield _silent(settings, status.rung, status.error)
        elif status.mismatches:
            hint = "Correct the registry file or the models of the runtime."
            detail = "; ".join(status.mismatches)
            yield Check(f"{status.rung} licences", "failed", detail, hint)
        else:
            detail = "answers, and its models are those of the registry"
            yield Check(status.rung, "ok", detail)


def _silent(settings: Settings, rung: Rung, error: str) -> Check:
    if rung != "tollama":
        hint = f"Mend the section `{rung}`."
        return Check(rung, "failed", error, hint)
    address = str(settings.tollama.url).rstrip("/")
    hint = (
        "Start tollama there (`tollama serve`), or set TSFM_TOLLAMA__URL to the "
        "address where it listens, and TSFM_TOLLAMA__TOKEN if it wants a key."
    )
    return Check(rung, "failed", f"asked {address}: {error}", hint)


def _default_model(
    settings: Settings, entries: Sequence[ModelEntry], statuses: Sequence[RuntimeStatus]
) -> Check:
    """Look at the model that is asked where a request names none: the first rung's."""
    answers = {status.rung: status.error is None for status in statuses}
    is_own = "tollama" not in answers and "embedded" in answers
    name = settings.embedded.model if is_own else settings.tollama.model
    if not is_own and not answers.get("tollama"):
        silence = "did not answer" if "tollama" in answers else "is not configured"
        detail = f"not checked whether {name} is installed: tollama {silence}"
        return Check("default model", "skipped", detail)
    for entry in entries:
        if entry.model.name == name and entry.is_installed:
            return Check("default model", "ok", f"{name} is installed")
    hint = f"Run `tollama pull {name}`, or set TSFM_TOLLAMA__MODEL."
    return Check("default model", "failed", f"{name} is not installed", hint)

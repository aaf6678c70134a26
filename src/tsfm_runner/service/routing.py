"""Which rung of the ladder answers, and why those above it do not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

from tsfm_runner.config import BaselineMethod, PreparationConfig, RoutingConfig
from tsfm_runner.domain.forecast import FallbackReason, RouteStep, Rung
from tsfm_runner.domain.model import Capabilities, ModelRegistry, ModelRevision
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.preparing import PreparedTask

BASELINE_METHODS: tuple[str, ...] = get_args(BaselineMethod)


@dataclass(frozen=True, slots=True)
class Target:
    """A rung, and the model that is asked there."""

    rung: Rung
    model: ModelRevision


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one task down the ladder: what is left to try, what was skipped."""

    targets: tuple[Target, ...]
    skipped: tuple[RouteStep, ...] = ()
    fallback_reason: FallbackReason | None = None

    @property
    def target(self) -> Target:
        """The rung to try now; the last one is always a baseline."""
        return self.targets[0]

    @property
    def steps(self) -> tuple[RouteStep, ...]:
        """The whole way, from the first rung to the one that answers."""
        # Where no rung was skipped, the one that answers tells why it is a baseline.
        reason = None if self.skipped else self.fallback_reason
        taken = RouteStep(self.target.rung, is_taken=True, reason=reason)
        return (*self.skipped, taken)

    def skip(self, reason: FallbackReason) -> "Route":
        """Return the way on, past the rung that is tried now."""
        step = RouteStep(self.target.rung, is_taken=False, reason=reason)
        return Route(
            self.targets[1:],
            (*self.skipped, step),
            self.fallback_reason or reason,
        )


@dataclass(frozen=True, slots=True)
class Router:
    """Makes the route of a task from the ladder, the licences and the data."""

    routing: RoutingConfig
    preparation: PreparationConfig
    registry: ModelRegistry
    default_models: dict[Rung, str]

    def plan(self, prepared: PreparedTask) -> Route:
        """Return the route, with every rung skipped that cannot take this task.

        Raises ``ModelNotAllowedError`` where the licence policy says no, and
        ``InvalidTaskError`` for a baseline that does not exist.
        """
        targets = tuple(self._targets(prepared.task))
        reason = self._baseline_only(prepared)
        route = Route(targets, fallback_reason=reason)
        while route.target.rung != "baseline":
            obstacle = reason or self._obstacle(prepared, route.target)
            if obstacle is None:
                break
            route = route.skip(obstacle)
        return route

    def _targets(self, task: ForecastTask) -> Iterator[Target]:
        """Yield the rungs that this task may use, a baseline last."""
        if _wants_baseline(task):
            yield self._baseline(task.model.name or self.routing.baseline_method)
            return
        for rung in self._rungs(task):
            yield self._model_target(rung, task)
        yield self._baseline(self.routing.baseline_method)

    def _rungs(self, task: ForecastTask) -> list[Rung]:
        """Return the model rungs to look at; those off this task's ladder first."""
        if task.model.provider != "auto":
            return [task.model.provider]
        if not self.default_models and task.model.name is None:
            return []
        ladder = _models_of(self._ladder(task))
        off_ladder = [r for r in _models_of(self.routing.ladder) if r not in ladder]
        rungs = [r for r in (*off_ladder, *ladder) if r in self.default_models]
        if rungs or task.model.name is None:
            return rungs
        known = self.registry.models.get(task.model.name)
        return [known.provider if known and known.provider != "auto" else "tollama"]

    def _model_target(self, rung: Rung, task: ForecastTask) -> Target:
        name, version = task.model.name, task.model.version
        name = name or self.default_models.get(rung)
        if name is not None:
            self.registry.require_allowed(name, version)
        return Target(rung, self._revision(rung, name or rung, version))

    def _revision(self, rung: Rung, name: str, version: str | None) -> ModelRevision:
        known = self.registry.models.get(name)
        if known is None:
            return ModelRevision(
                name=name,
                provider=rung,
                family="unknown",
                revision=version or "unknown",
                license_name="unknown",
                license_tag="unknown",
                capabilities=Capabilities(),
            )
        if version in (None, known.revision):
            return known
        return replace(known, revision=version, license_tag="unknown")

    def _baseline(self, method: str) -> Target:
        if method not in BASELINE_METHODS:
            rule = f"must be one of {', '.join(BASELINE_METHODS)}"
            raise InvalidTaskError("model.name", rule)
        return Target("baseline", self.registry.models[method])

    def _baseline_only(self, prepared: PreparedTask) -> FallbackReason | None:
        """Return why the data of this task are for a baseline, if they are."""
        if _wants_baseline(prepared.task):
            return None
        if prepared.has_long_gap:
            return FallbackReason.MAX_GAP_EXCEEDED
        if prepared.context.size < self.preparation.min_points:
            return FallbackReason.TOO_FEW_POINTS
        liquidity = prepared.task.facts.liquidity_bucket
        if liquidity in self.routing.baseline_only_liquidity:
            return FallbackReason.BASELINE_ONLY_LIQUIDITY
        return None

    def _obstacle(
        self, prepared: PreparedTask, target: Target
    ) -> FallbackReason | None:
        """Return why this rung cannot take this task, or None if it can."""
        if target.rung not in self.default_models:
            return FallbackReason.RUNTIME_UNAVAILABLE
        task, capabilities = prepared.task, target.model.capabilities
        is_too_far = task.horizon > (capabilities.max_horizon or task.horizon)
        has_no_band = capabilities.quantile_levels == "none"
        ladder = _models_of(self._ladder(task))
        is_off_ladder = task.model.provider == "auto" and target.rung not in ladder
        if is_too_far or has_no_band or is_off_ladder:
            return FallbackReason.ROUTE_POLICY
        return None

    def _ladder(self, task: ForecastTask) -> tuple[Rung, ...]:
        facts = task.facts
        for override in self.routing.overrides:
            if override.category in (None, facts.category) and (
                override.liquidity_bucket in (None, facts.liquidity_bucket)
            ):
                return override.ladder
        return self.routing.ladder


def _wants_baseline(task: ForecastTask) -> bool:
    choice = task.model
    return choice.provider == "baseline" or (
        choice.provider == "auto" and choice.name in BASELINE_METHODS
    )


def _models_of(ladder: tuple[Rung, ...]) -> tuple[Rung, ...]:
    """Return the rungs before the baseline, which always answers."""
    return ladder[: ladder.index("baseline")] if "baseline" in ladder else ladder

"""Which rung of the ladder answers, and why those above it do not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, get_args

from tsfm_runner.config import BaselineMethod, PreparationConfig, RoutingConfig
from tsfm_runner.domain.forecast import FallbackReason, RouteStep, Rung
from tsfm_runner.domain.model import Capabilities, ModelRegistry, ModelRevision
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.preparing import PreparedTask
from tsfm_runner.service.verdict.policy import NO_POLICY, Outlook

BASELINE_METHODS: tuple[str, ...] = get_args(BaselineMethod)


@dataclass(frozen=True, slots=True)
class Target:
    """A rung, and the model that is asked there."""

    rung: Rung
    model: ModelRevision


class Stage(NamedTuple):
    """A rung that a task may come to: what is in the way, what the policy says of it.

    An obstacle of None means that it can be tried; ``is_explored`` that it is to be
    asked all the same where the way does not lead there.
    """

    target: Target
    obstacle: FallbackReason | None = None
    detail: str | None = None
    is_explored: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one task down the ladder: what is left to try, what was skipped.

    ``explored`` is a model that is asked although the way does not lead there, so
    that it can be judged; ``policy_number`` is that of the verdict that holds.
    """

    stages: tuple[Stage, ...]
    skipped: tuple[RouteStep, ...] = ()
    fallback_reason: FallbackReason | None = None
    explored: Target | None = None
    policy_number: int = 0

    @property
    def target(self) -> Target:
        """The rung to try now; the last one is always a baseline."""
        return self.stages[0].target

    @property
    def asked(self) -> Target:
        """Who is asked now: the rung to try, or before it the model to be judged."""
        return self.explored or self.target

    @property
    def baseline(self) -> Target:
        """The baseline at the end of the way."""
        return self.stages[-1].target

    @property
    def steps(self) -> tuple[RouteStep, ...]:
        """The whole way, from the first rung to the one that answers."""
        # Where no rung was skipped, the one that answers tells why it is a baseline.
        reason = None if self.skipped else self.fallback_reason
        detail = self.stages[0].detail
        taken = RouteStep(self.target.rung, is_taken=True, reason=reason, detail=detail)
        return (*self.skipped, taken)

    def skip(self, reason: FallbackReason) -> "Route":
        """Return the way on, past the rung that is tried now and all obstacles."""
        here = self.stages[0]
        step = RouteStep(here.target.rung, False, reason, here.detail)
        return Route(
            self.stages[1:],
            (*self.skipped, step),
            self.fallback_reason or reason,
            self.explored,
            self.policy_number,
        ).past_obstacles()

    def judged(self, failure: FallbackReason | None) -> "Route":
        """Return the way on from a model to be judged; its step tells of a failure."""
        skipped = self.skipped
        if failure is not None:
            skipped = tuple(
                replace(step, detail=f"{step.detail}: {failure}")
                if step.rung == self.asked.rung
                else step
                for step in skipped
            )
        return replace(self, skipped=skipped, explored=None)

    def past_obstacles(self) -> "Route":
        """Return the way on to the first rung that can be tried."""
        obstacle = self.stages[0].obstacle
        return self if obstacle is None else self.skip(obstacle)


@dataclass(frozen=True, slots=True)
class Router:
    """Makes the route of a task from the ladder, the licences, the data, the policy."""

    routing: RoutingConfig
    preparation: PreparationConfig
    registry: ModelRegistry
    default_models: dict[Rung, str]

    def plan(self, prepared: PreparedTask, outlook: Outlook = NO_POLICY) -> Route:
        """Return the route, with every rung skipped that cannot take this task.

        Raises ``ModelNotAllowedError`` where the licence policy says no, and
        ``InvalidTaskError`` for a baseline that does not exist.
        """
        models = self._models(prepared.task)
        reason = self._baseline_only(prepared)
        stages = [self._stage(prepared, target, reason, outlook) for target in models]
        route = Route(
            (*stages, Stage(self._baseline(prepared.task, models, outlook))),
            fallback_reason=reason,
            policy_number=outlook.standing.number,
        ).past_obstacles()
        explored = next((stage.target for stage in stages if stage.is_explored), None)
        if explored is None or route.target.rung != "baseline":
            return route
        return replace(route, explored=explored)

    def _stage(
        self,
        prepared: PreparedTask,
        target: Target,
        reason: FallbackReason | None,
        outlook: Outlook,
    ) -> Stage:
        obstacle = reason or self._obstacle(prepared, target)
        if obstacle is not None:
            return Stage(target, obstacle)
        ruling = outlook.ruling(target.model)
        obstacle = None if ruling.is_served else FallbackReason.ROUTE_POLICY
        return Stage(target, obstacle, ruling.detail, ruling.is_explored)

    def _models(self, task: ForecastTask) -> tuple[Target, ...]:
        """Return the model rungs that this task may use."""
        if _wants_baseline(task):
            return ()
        return tuple(self._model_target(rung, task) for rung in self._rungs(task))

    def _rungs(self, task: ForecastTask) -> list[Rung]:
        """Return the model rungs to look at; those off this task's ladder first."""
        if task.model.provider != "auto":
            return [task.model.provider]
        if not self.default_models and task.model.name is None:
            return []
        own = self._own_rung(task)
        if own is not None:
            return [own]
        ladder = _models_of(self._ladder(task))
        off_ladder = [r for r in _models_of(self.routing.ladder) if r not in ladder]
        rungs = [r for r in (*off_ladder, *ladder) if r in self.default_models]
        return rungs if rungs or task.model.name is None else ["tollama"]

    def _own_rung(self, task: ForecastTask) -> Rung | None:
        """Return where a model that is named runs; None: no name, or not known."""
        known = self.registry.models.get(task.model.name or "")
        return None if known is None or known.provider == "auto" else known.provider

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

    def _baseline(
        self, task: ForecastTask, models: Sequence[Target], outlook: Outlook
    ) -> Target:
        """Return the baseline asked for, or that of the segment, or the configured."""
        method: str = self.routing.baseline_method
        if _wants_baseline(task):
            method = task.model.name or method
        for found in (outlook.of(target.model) for target in models):
            if found is not None:
                method = found.better_baseline
                break
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
        if target.rung == "embedded" and self._is_other_revision(target.model):
            return FallbackReason.MODEL_NOT_INSTALLED
        is_too_far = task.horizon > (capabilities.max_horizon or task.horizon)
        has_no_band = capabilities.quantile_levels == "none"
        ladder = _models_of(self._ladder(task))
        is_off_ladder = task.model.provider == "auto" and target.rung not in ladder
        if is_too_far or has_no_band or is_off_ladder:
            return FallbackReason.ROUTE_POLICY
        return None

    def _is_other_revision(self, model: ModelRevision) -> bool:
        """Return whether our own process has another revision of the model."""
        known = self.registry.models.get(model.name)
        return known is not None and known.revision != model.revision

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

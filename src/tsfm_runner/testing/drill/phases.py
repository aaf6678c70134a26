"""The phases of a drill: how each trouble begins and ends, and what answers may say."""

from collections.abc import Callable, Mapping

from tsfm_runner.domain.forecast import FallbackReason as Why
from tsfm_runner.testing.drill.checking import MODEL, TURNED_AWAY, Checked, Rules
from tsfm_runner.testing.drill.daemon import Conduct
from tsfm_runner.testing.drill.troubles import SPARED, Act, Phase, Scene, Trouble
from tsfm_runner.testing.fake_tollama import Fault

_JUMP_S = 3600.0


def _told(outcome: str) -> Callable[[Checked], bool]:
    return lambda answer: answer.outcome == outcome


def _warned(warning: str) -> Callable[[Checked], bool]:
    return lambda answer: warning in answer.meta.get("warnings", ())


def _has_jumped(answer: Checked) -> bool:
    """Return whether the clock jumped while this answer was made."""
    return bool(answer.meta.get("latency_ms", 0) >= 1_000 * _JUMP_S)


def _faulty(fault: Fault) -> Act:
    return lambda scene: scene.daemon.behave(Conduct(fault))


def _well(scene: Scene) -> None:
    scene.daemon.behave(Conduct())


def _taking(n_timeouts: float) -> Act:
    """Let each call take so many times the time that the service has for one."""

    def act(scene: Scene) -> None:
        timeout_ms = 1_000 * scene.settings.resilience.attempt_timeout_s
        scene.daemon.behave(Conduct(latency_ms=n_timeouts * timeout_ms))

    return act


_slow, _too_slow = _taking(0.5), _taking(2)


def _outdated(scene: Scene) -> None:
    """Let the runtime fail, and what is kept be just too old to be fresh."""
    scene.daemon.behave(Conduct(Fault.UNAVAILABLE))
    scene.clock.jump(scene.settings.cache.ttl_s)


def _outage(trouble: Trouble, reason: Why, strike: Act) -> Phase:
    """Return the phase of a runtime that is not there for anybody."""
    return Phase(
        trouble,
        strike=strike,
        mend=_well,
        rules=Rules(SPARED | {reason}, may_be_model=False),
        trace=_told(reason),
        is_outage=True,
    )


def _nonsense(fault: Fault, reason: Why, *, is_whole: bool = False) -> Phase:
    """Return the phase of a runtime that answers what is no band, in whole or part."""
    # Whose fault a whole answer is, is found out call by call, and that takes time.
    late = {Why.DEADLINE_EXCEEDED} if is_whole else set()
    return Phase(
        Trouble(fault),
        strike=_faulty(fault),
        mend=_well,
        rules=Rules(frozenset({reason, *late}), may_be_model=not is_whole),
        trace=_told(reason),
    )


def _oddity(
    fault: Fault, trace: Callable[[Checked], bool], *, keeps_price: bool = True
) -> Phase:
    """Return the phase of a runtime whose answers are odd, but can be used."""
    return Phase(
        Trouble(fault),
        strike=_faulty(fault),
        mend=_well,
        rules=Rules(keeps_price=keeps_price),
        trace=trace,
    )


def _sudden(trouble: Trouble, reason: Why, strike: Act, mend: Act) -> Phase:
    """Return the phase of a runtime that is gone while calls are out."""
    return Phase(
        trouble,
        strike=strike,
        mend=mend,
        rules=Rules(SPARED | {reason}),
        trace=_told(reason),
        is_outage=True,
        struck_wave=0,
    )


_PHASES = (
    _outage(Trouble.LATENCY, Why.RUNTIME_TIMEOUT, _too_slow),
    _outage(Trouble.HANG, Why.RUNTIME_TIMEOUT, _faulty(Fault.HANG)),
    _outage(Trouble.SLOW_DRIP, Why.RUNTIME_TIMEOUT, _faulty(Fault.SLOW_DRIP)),
    _outage(Trouble.INTERNAL, Why.RUNTIME_UNAVAILABLE, _faulty(Fault.INTERNAL)),
    _outage(Trouble.UNAVAILABLE, Why.RUNTIME_UNAVAILABLE, _faulty(Fault.UNAVAILABLE)),
    _outage(Trouble.RATE_LIMITED, Why.RUNTIME_UNAVAILABLE, _faulty(Fault.RATE_LIMITED)),
    _outage(Trouble.DROP, Why.RUNTIME_UNAVAILABLE, _faulty(Fault.DROP)),
    _nonsense(Fault.FORECAST_ERROR, Why.RUNTIME_PROTOCOL, is_whole=True),
    _nonsense(Fault.NOT_JSON, Why.RUNTIME_PROTOCOL, is_whole=True),
    _nonsense(Fault.NAN, Why.INVALID_OUTPUT),
    _nonsense(Fault.SHORT, Why.RUNTIME_PROTOCOL),
    _nonsense(Fault.MISSING_QUANTILE, Why.RUNTIME_PROTOCOL),
    _nonsense(Fault.THIN, Why.RUNTIME_PROTOCOL),
    _oddity(Fault.CROSSING, _warned("quantiles_rearranged")),
    _oddity(Fault.OUT_OF_RANGE, _told(MODEL), keeps_price=False),
    # Only where several go in one call can they come back in another order.
    _oddity(Fault.REORDER, lambda answer: answer.meta.get("batch_size", 1) > 1),
    _sudden(
        Trouble.KILLED,
        Why.RUNTIME_UNAVAILABLE,
        lambda scene: scene.daemon.kill(),
        lambda scene: scene.daemon.start(),
    ),
    _sudden(
        Trouble.STOPPED,
        Why.RUNTIME_TIMEOUT,
        lambda scene: scene.daemon.stop(),
        lambda scene: scene.daemon.go_on(),
    ),
    Phase(
        Trouble.CLOCK_JUMP,
        strike=lambda scene: scene.clock.jump(_JUMP_S),
        mend=_well,
        rules=Rules(frozenset({Why.DEADLINE_EXCEEDED, Why.OVERLOADED})),
        trace=_has_jumped,
        struck_wave=0,
        is_crowd=True,
    ),
    Phase(
        Trouble.STALE,
        strike=_outdated,
        mend=_well,
        rules=Rules(frozenset({Why.STALE_IF_ERROR})),
        trace=_told(Why.STALE_IF_ERROR),
        is_outage=True,
        struck_wave=2,
        repeats=True,
    ),
    Phase(
        Trouble.OVERLOAD,
        strike=_slow,
        mend=_well,
        rules=Rules(frozenset({Why.OVERLOADED, Why.DEADLINE_EXCEEDED})),
        trace=_told(Why.OVERLOADED),
        is_crowd=True,
    ),
    Phase(
        Trouble.TURNED_AWAY,
        strike=_slow,
        mend=_well,
        rules=Rules(frozenset({Why.DEADLINE_EXCEEDED}), may_be_turned_away=True),
        trace=_told(TURNED_AWAY),
        is_crowd=True,
    ),
)
PHASES: Mapping[Trouble, Phase] = {phase.trouble: phase for phase in _PHASES}

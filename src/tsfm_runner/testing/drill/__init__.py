"""Let everything go wrong around a service, and check all that it answers."""

from tsfm_runner.testing.drill.asking import Questions
from tsfm_runner.testing.drill.clock import JumpingClock
from tsfm_runner.testing.drill.daemon import Daemon, running_daemon
from tsfm_runner.testing.drill.phases import PHASES
from tsfm_runner.testing.drill.report import PhaseReport
from tsfm_runner.testing.drill.running import Drill, Load, recovery_limit_s
from tsfm_runner.testing.drill.settings import drill_settings, with_limits
from tsfm_runner.testing.drill.troubles import Phase, Scene, Trouble

__all__ = [
    "PHASES",
    "Daemon",
    "Drill",
    "JumpingClock",
    "Load",
    "Phase",
    "PhaseReport",
    "Questions",
    "Scene",
    "Trouble",
    "drill_settings",
    "recovery_limit_s",
    "running_daemon",
    "with_limits",
]

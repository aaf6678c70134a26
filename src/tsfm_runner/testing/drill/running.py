"""Run one phase of a drill: trouble strikes under load, is mended, and is over."""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aiohttp

from tsfm_runner.config import Settings
from tsfm_runner.testing.drill.asking import Question, Questions, ask
from tsfm_runner.testing.drill.checking import MODEL, Checked, Rules, check
from tsfm_runner.testing.drill.report import PhaseReport
from tsfm_runner.testing.drill.troubles import Phase, Scene

TOLERANCE_S = 1.0
"""What a recovery may take beyond the cool-down and one probe."""

_MIN_WAVES = 4
_CROWD = 3
# By then calls are out; none is back, because the double takes longer for any.
_ON_THE_WAY_S = 0.02
_PAUSE_S = 0.03
# An outage outlasts the cool-down by so much, so that probes meet it as well.
_OUTAGE_COOLDOWNS = 2.0


@dataclass(frozen=True, slots=True)
class Load:
    """How many requests each phase sends at least, and how many at a time."""

    n_requests: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class Drill:
    """Asks a service that runs already, while things go wrong around it."""

    session: aiohttp.ClientSession
    questions: Questions
    scene: Scene
    load: Load

    async def run(self, phase: Phase) -> PhaseReport:
        """Return what was answered during one trouble and after it."""
        during = await self._send_waves(phase)
        await asyncio.to_thread(phase.mend, self.scene)
        limit_s = recovery_limit_s(self.scene.settings)
        rules = phase.rules_afterwards
        first, recovery_s = await self._ask_until_model(rules, give_up_s=2 * limit_s)
        rest, is_well = await self._ask_until_well(rules, give_up_s=limit_s)
        return PhaseReport(
            trouble=phase.trouble,
            during=during,
            after=[*first, *rest],
            has_trace=any(map(phase.trace, during)),
            recovery_s=recovery_s,
            recovery_limit_s=limit_s,
            is_well=is_well,
        )

    async def _send_waves(self, phase: Phase) -> list[Checked]:
        """Send the waves of a phase; those of an outage are spread over its time."""
        waves = [*self._waves(phase)]
        cooldown_s = self.scene.settings.breaker.cooldown_s
        lasts_s = _OUTAGE_COOLDOWNS * cooldown_s if phase.is_outage else 0.0
        if phase.struck_wave is None:
            await asyncio.to_thread(phase.strike, self.scene)
        started_s, answers = time.monotonic(), list[Checked]()
        for number, wave in enumerate(waves):
            sent = asyncio.create_task(self._send(wave, phase.rules))
            if number == phase.struck_wave:
                await asyncio.sleep(_ON_THE_WAY_S)
                await asyncio.to_thread(phase.strike, self.scene)
            answers += await sent
            next_s = started_s + (number + 1) * lasts_s / len(waves)
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
        return answers

    def _waves(self, phase: Phase) -> Iterator[list[Question]]:
        size = self.load.concurrency * (_CROWD if phase.is_crowd else 1)
        first = [self.questions.new() for _ in range(size)]
        yield first
        for _ in range(max(_MIN_WAVES, math.ceil(self.load.n_requests / size)) - 1):
            yield [
                self.questions.again(question)
                if phase.repeats
                else self.questions.new()
                for question in first
            ]

    async def _send(self, wave: Sequence[Question], rules: Rules) -> list[Checked]:
        """Send some questions at once, and check what comes back."""
        replies = await asyncio.gather(
            *(ask(self.session, question) for question in wave)
        )
        return [
            check(reply, question, rules)
            for reply, question in zip(replies, wave, strict=True)
        ]

    async def _ask_until_model(
        self, rules: Rules, *, give_up_s: float
    ) -> tuple[list[Checked], float | None]:
        """Return every answer until a model's, and the seconds; None: none came."""
        started_s, answers = time.monotonic(), list[Checked]()
        while time.monotonic() - started_s < give_up_s:
            answers += await self._send([self.questions.new()], rules)
            if answers[-1].outcome == MODEL:
                return answers, time.monotonic() - started_s
            await asyncio.sleep(_PAUSE_S)
        return answers, None

    async def _ask_until_well(
        self, rules: Rules, *, give_up_s: float
    ) -> tuple[list[Checked], bool]:
        """Return every answer until models give a whole wave, and whether they did."""
        started_s, answers = time.monotonic(), list[Checked]()
        while time.monotonic() - started_s < give_up_s:
            size = self.load.concurrency
            wave = await self._send([self.questions.new() for _ in range(size)], rules)
            answers += wave
            if all(map(_is_usual, wave)):
                return answers, True
            await asyncio.sleep(_PAUSE_S)
        return answers, False


def recovery_limit_s(settings: Settings) -> float:
    """Return how long after a trouble the first band of a model may take."""
    probe_s = settings.resilience.attempt_timeout_s
    return settings.breaker.cooldown_s + probe_s + TOLERANCE_S


def _is_usual(answer: Checked) -> bool:
    return answer.outcome == MODEL and answer.meta.get("breaker_state") == "closed"

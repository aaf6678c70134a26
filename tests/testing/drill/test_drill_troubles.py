from tsfm_runner.config import Settings
from tsfm_runner.testing.drill import PHASES, Trouble, drill_settings, with_limits
from tsfm_runner.testing.fake_tollama import Fault

URL = "http://127.0.0.1:1"


def test_every_trouble_has_its_phase_in_their_order() -> None:
    assert list(PHASES) == list(Trouble)


def test_every_fault_of_the_double_is_a_trouble() -> None:
    assert {*Fault} <= {*Trouble}


def test_nobody_may_be_turned_away_but_where_that_is_the_trouble() -> None:
    tolerant = [name for name, one in PHASES.items() if one.rules.may_be_turned_away]

    assert tolerant == [Trouble.TURNED_AWAY]


def test_times_are_short_unless_the_drill_is_full() -> None:
    own = Settings.model_validate({"breaker": {"cooldown_s": 7, "max_failures": 2}})

    short = drill_settings(own, url=URL, is_full=False)
    full = drill_settings(own, url=URL, is_full=True)

    assert short.breaker.cooldown_s == 1
    assert full.breaker == own.breaker
    assert full.resilience == own.resilience
    assert full.degradation == own.degradation


def test_a_drill_asks_the_model_of_the_settings_at_the_double() -> None:
    own = Settings.model_validate(
        {"tollama": {"url": "http://elsewhere", "model": "mock", "token": "t" * 40}}
    )

    settings = drill_settings(own, url=URL, is_full=True)

    assert settings.tollama.model == "mock"
    assert str(settings.tollama.url) == f"{URL}/"
    assert settings.tollama.token is None


def test_only_one_phase_has_no_room_beyond_that_for_models() -> None:
    def most_at_work(trouble: Trouble) -> tuple[int, int]:
        limited = with_limits(Settings(), PHASES[trouble], concurrency=8).resilience
        return limited.max_in_flight, limited.hard_max_in_flight

    assert most_at_work(Trouble.TURNED_AWAY) == (16, 16)
    assert most_at_work(Trouble.OVERLOAD) == (16, 4_096)

import pytest

from tsfm_runner.domain.frequency import Frequency, step_text
from tsfm_runner.errors import InvalidTaskError


@pytest.mark.parametrize(
    ("text", "step_s"),
    [
        ("m", 60),
        ("5m", 300),
        ("5min", 300),
        ("1H", 3600),
        ("h", 3600),
        ("1h", 3600),
        ("1d", 86_400),
        ("PT5M", 300),
        ("PT1H30M", 5400),
        ("P1D", 86_400),
    ],
)
def test_every_spelling_is_read(text: str, step_s: int) -> None:
    freq = Frequency.parse(text)

    assert (freq.text, freq.step_s) == (text, step_s)


@pytest.mark.parametrize("step_s", [60, 300, 3_540, 3_600, 5_400, 82_800, 86_400])
def test_text_of_a_step_is_read_as_that_step(step_s: int) -> None:
    assert Frequency.parse(step_text(step_s)).step_s == step_s


@pytest.mark.parametrize(
    "text",
    ["", "5", "5s", "five", "-5m", "PT", "P", "5m5m", "1w", "1M", "5mİn", "\u0665m"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidTaskError, match="freq: must"):
        Frequency.parse(text)


@pytest.mark.parametrize("text", ["0m", "25h", "2d", "PT0M", "P1DT1M"])
def test_steps_outside_a_minute_to_a_day_are_refused(text: str) -> None:
    with pytest.raises(InvalidTaskError, match="between 1 minute and 1 day"):
        Frequency.parse(text)

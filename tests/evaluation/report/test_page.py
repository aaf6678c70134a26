"""The report is one page that loads nothing, whatever its document holds."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from plotly.offline import get_plotlyjs
from tests.evaluation.documents import copied, study, without_numbers
from tests.evaluation.report.reading import Reading

from tsfm_runner.evaluation.report import render
from tsfm_runner.evaluation.schema import Document, validated

SECTIONS = [
    "headline",
    "coverage-by-step",
    "coverage-by-segment",
    "width-against-coverage",
    "score-ratios",
    "reliability",
    "near-share",
    "cold-start",
    "markets",
    "fallbacks",
    "skipped",
    "leakage",
    "manifest",
]
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&<!--"
STUDY = study(horizon=2, n_segments=4)
SINGLE = study(models=("ewma",), freqs=("5m",), horizon=1, n_segments=1)
SINGLE["entries"] = SINGLE["entries"][:1]


def hostile() -> Document:
    """Return a document with markup in every text that others may write."""
    document = copied(STUDY)
    document["manifest"]["data"]["name"] = HOSTILE
    document["manifest"]["settings"] = {HOSTILE: [HOSTILE]}
    document["skipped"] = [{"market_id": HOSTILE, "reason": HOSTILE}]
    document["left_out"] = {HOSTILE: 1}
    document["leakage_checks"] = [{"check": HOSTILE, "told": HOSTILE, "passed": False}]
    document["fallbacks"][0]["reason"] = HOSTILE
    for market in document["markets"]:
        market["market_id"] = market["question"] = HOSTILE
    for cell in document["segments"]:
        cell["segment"] = HOSTILE
    renamed: Document = _renamed(document, "ewma/raw", HOSTILE)
    return renamed


def _renamed(value: Any, old: str, new: str) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _renamed(part, old, new) for key, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, old, new) for part in value]
    return new if value == old else value


def empty() -> Document:
    """Return a document of a study that scored nothing."""
    document = copied(STUDY)
    for name in ("overall", "segments", "ratios", "cold_start", "fallbacks", "markets"):
        document[name] = []
    document["entries"] = []
    document["skipped"] = []
    document["left_out"] = {}
    document["leakage_checks"] = []
    made: Document = document
    return made


DOCUMENTS: dict[str, Document] = {
    "whole": STUDY,
    "single entry": SINGLE,
    "nulls": without_numbers(STUDY),
    "hostile": hostile(),
    "empty": empty(),
}


@pytest.fixture(scope="module", params=DOCUMENTS.values(), ids=list(DOCUMENTS))
def reading(request: pytest.FixtureRequest) -> Reading:
    return Reading(validated(request.param))


def test_every_section_is_there_once(reading: Reading) -> None:
    assert [name for name in reading.ids if name in SECTIONS] == SECTIONS
    assert len(set(reading.ids)) == len(reading.ids)


def test_every_tag_is_closed(reading: Reading) -> None:
    assert reading.unbalanced == []


def test_nothing_is_loaded(reading: Reading) -> None:
    ours = [*reading.styles, *(s for s in reading.scripts if s != get_plotlyjs())]

    assert {"".join(one.split(":")[:1]) for one in reading.addresses} == {
        "data",
        *(f"#{name}" for name in SECTIONS),
    }
    assert not any(re.search(r"https?://|url\(|@import", text) for text in ours)


def test_nothing_but_the_two_scripts_may_run(reading: Reading) -> None:
    _, *scripts = reading.scripts
    hashes = {b64encode(sha256(one.encode()).digest()).decode() for one in scripts}

    assert len(scripts) == 2
    assert set(re.findall(r"'sha256-(.*?)'", reading.policy)) == hashes
    assert reading.policy.startswith("default-src 'none';")
    assert reading.handlers == []
    assert "img" not in reading.tags


def test_the_data_is_json_without_tags(reading: Reading) -> None:
    text = reading.scripts[0]

    assert "<" not in text
    assert json.loads(text)["horizon"] >= 1


def test_texts_of_others_are_shown_as_they_are() -> None:
    page = Reading(hostile())

    assert page.text.count(" ".join(HOSTILE.split())) >= 6
    assert HOSTILE in {
        one["market_id"] for one in json.loads(page.scripts[0])["markets"]
    }


def test_the_same_document_makes_the_same_page() -> None:
    assert render(STUDY) == render(copied(STUDY))


def test_the_time_of_the_study_is_told_where_it_is_known() -> None:
    document = copied(STUDY)
    del document["manifest"]["created_at"]

    assert "Made 2026-02-21T08:00:00+00:00." in render(STUDY)
    assert "Made" not in Reading(document).text


def test_a_page_of_a_large_study_stays_small() -> None:
    document = study(
        models=("ewma", "kalman", "rolling_quantile", "har"), n_segments=200
    )

    assert len(render(document)) - len(get_plotlyjs()) < 4_000_000


def test_a_failed_leakage_check_is_said_first() -> None:
    document = copied(STUDY)
    document["leakage_checks"][0].update(passed=False, told="an event on both sides")

    text = Reading(document).text

    assert "A leakage check failed." in text
    assert text.index("an event on both sides") < text.index("lowest interval score")
    assert "A leakage check failed." not in Reading(STUDY).text


def test_the_first_table_stands_without_scripts() -> None:
    page = render(STUDY)
    shown = re.findall(r"<tbody data-freq[^>]*>", page)

    assert len(shown) == 3 * 2 * 3
    assert [tag for tag in shown if "hidden" not in tag] == [
        '<tbody data-freq="all" data-weighting="group" data-step="0">'
    ]

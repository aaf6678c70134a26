"""Every query of dashboards and rules asks for what a running service really tells."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from monitoring.dashboards import FOLDER, PAGES, written
from tests.docs.reading import PAGES as DOCS
from tests.docs.reading import ROOT, blocks, name_of
from tests.monitoring.busy import OF_TARGET, Exposition
from tests.monitoring.promql import Matcher, Selector, read_query

MONITORING = ROOT / "monitoring"
ALERTS = MONITORING / "alerts.yml"
ALERTS_PAGE = ROOT / "docs" / "alerts.md"
VARIABLES = re.compile(r"\$(job|instance)\b")
NAMED = re.compile(r"\{\{ ?(\w+) ?\}\}")
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)"
)


class Asked(NamedTuple):
    """A query, where it stands, and the labels that its text names."""

    place: str
    expression: str
    named: frozenset[str]


def rules() -> list[dict[str, object]]:
    document = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def of_dashboards() -> Iterator[Asked]:
    for name in PAGES:
        for panel in json.loads(written(name))["panels"]:
            for target in panel["targets"]:
                named = frozenset(NAMED.findall(target["legendFormat"]))
                place = f"{name}: {panel['title']}: {target['refId']}"
                yield Asked(place, target["expr"], named)


def of_rules() -> Iterator[Asked]:
    for rule in rules():
        yield Asked(str(rule["alert"]), str(rule["expr"]), frozenset())


def of_pages() -> Iterator[Asked]:
    for page in DOCS:
        for number, block in enumerate(blocks(page, "promql")):
            for line in block.splitlines():
                if line and not line.startswith("#"):
                    yield Asked(f"{name_of(page)}: {number}", line, frozenset())


ASKED = [*of_dashboards(), *of_rules(), *of_pages()]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.place)
def test_a_query_names_what_is_told(asked: Asked, exposed: Exposition) -> None:
    query = read_query(asked.expression)

    assert query.selectors
    labels = {
        label
        for selector in query.selectors
        for label in labels_of(selector.name, exposed)
    }
    assert query.grouping | asked.named <= labels
    for selector in query.selectors:
        for matcher in selector.matchers:
            assert_can_occur(selector, matcher, exposed)


def labels_of(name: str, exposed: Exposition) -> frozenset[str]:
    assert name == "up" or name in exposed.labels, f"nothing is called {name}"
    return exposed.labels.get(name, frozenset()) | OF_TARGET


def assert_can_occur(selector: Selector, matcher: Matcher, exposed: Exposition) -> None:
    name, label = selector.name, matcher.label
    assert label in labels_of(name, exposed), f"{name} has no label {label}"
    if label in OF_TARGET:
        assert VARIABLES.fullmatch(matcher.value) or matcher.value == "tsfm-runner"
        return
    possible = exposed.values(name, label)
    for value in matcher.alternatives():
        is_regular = "~" in matcher.operator
        found = [it for it in possible if it == value or re.fullmatch(value, it)]
        assert found if is_regular else value in possible, (name, label, value)


def test_dashboards_are_as_they_are_written() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}

    assert files == {name: written(name) for name in PAGES}, (
        "run monitoring/dashboards.py"
    )


@pytest.mark.parametrize("name", PAGES)
def test_panels_of_a_dashboard_stand_side_by_side(name: str) -> None:
    document = json.loads(written(name))
    panels = document["panels"]
    places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in panels]

    assert document["uid"] == f"tsfm-{name}"
    assert len({one["id"] for one in panels}) == len(panels)
    assert len(set(places)) == len(places)
    assert all(
        x + one["gridPos"]["w"] <= 24
        for (x, _), one in zip(places, panels, strict=True)
    )
    assert all(one["description"] and one["title"] for one in panels)
    assert all(one["datasource"]["uid"] == "${datasource}" for one in panels)


def test_every_metric_is_looked_at_somewhere(exposed: Exposition) -> None:
    names = {
        selector.name
        for asked in (*of_dashboards(), *of_rules())
        for selector in read_query(asked.expression).selectors
    }
    parts = re.compile(r"_(bucket|sum|count)$")
    told = {
        parts.sub("", name) if exposed.types[name] == "histogram" else name
        for name in exposed.labels
    }
    unused = told - {parts.sub("", name) for name in names}

    # Only for a look: address space says little, and starts are those of the counters.
    assert unused == {"process_virtual_memory_bytes", "process_start_time_seconds"}


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    page = ALERTS_PAGE.read_text(encoding="utf-8")
    anchors = re.findall(r"^### (\w+) \{#(\w+)\}$", page, re.MULTILINE)
    alerts = [str(rule["alert"]) for rule in rules()]

    assert [name for name, _ in anchors] == alerts
    assert all(anchor == name.lower() for name, anchor in anchors)
    for rule in rules():
        words, labels = rule["annotations"], rule["labels"]
        assert isinstance(words, dict)
        assert isinstance(labels, dict)
        assert words.keys() == {"summary", "description", "runbook_url"}
        assert words["runbook_url"] == f"docs/alerts.md#{str(rule['alert']).lower()}"
        assert labels["severity"] in {"critical", "warning", "info"}


def test_every_alert_is_shown_to_fire_and_to_be_silent() -> None:
    document = yaml.safe_load(
        (MONITORING / "alerts.test.yml").read_text(encoding="utf-8")
    )
    shown: dict[bool, set[str]] = {True: set(), False: set()}
    for case in document["tests"]:
        for check in case["alert_rule_test"]:
            shown[bool(check["exp_alerts"])].add(check["alertname"])
    alerts = {str(rule["alert"]) for rule in rules()}

    assert shown[True] == alerts
    assert shown[False] == alerts


def promtool(*arguments: str, folder: Path = MONITORING) -> str:
    assert PROMTOOL is not None
    done = subprocess.run(  # noqa: S603 - the program that was found above
        [PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    return told


@needs_promtool
def test_alerts_fire_when_they_should_and_are_silent_when_not() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


@needs_promtool
def test_prometheus_reads_its_configuration_and_the_rules() -> None:
    told = promtool("check", "config", "prometheus.yml")

    assert f"{len(rules())} rules found" in told


@needs_promtool
def test_prometheus_reads_every_query_of_dashboards_and_pages(tmp_path: Path) -> None:
    queries = [
        {"record": f"query:{number}", "expr": VARIABLES.sub("any", asked.expression)}
        for number, asked in enumerate([*of_dashboards(), *of_pages()])
    ]
    document = {"groups": [{"name": "queries", "rules": queries}]}
    (tmp_path / "queries.yml").write_text(yaml.safe_dump(document), encoding="utf-8")

    told = promtool("check", "rules", "queries.yml", folder=tmp_path)

    assert f"{len(queries)} rules found" in told

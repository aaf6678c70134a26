"""The table of metrics in the documentation is what a service really tells."""

import re
from typing import NamedTuple

from tests.docs.reading import PAGES
from tests.monitoring.busy import Exposition

_ROW = re.compile(r"^\| `(?P<name>(?:tsfm|process)_\w+)(?:\{(?P<labels>[\w,]+)\})?` \|")
_PARTS = re.compile(r"_(bucket|sum|count)$")

# SPEC 9: what others count on.
PROMISED = {
    "tsfm_requests_total{route,outcome}",
    "tsfm_request_duration_seconds{route}",
    "tsfm_forecasts_total{runtime,model,fallback_reason}",
    "tsfm_runtime_duration_seconds{runtime,model}",
    "tsfm_runtime_errors_total{runtime,kind}",
    "tsfm_cache_events_total{event}",
    "tsfm_breaker_state{runtime}",
    "tsfm_quantile_crossings_total{model}",
    "tsfm_batch_size",
    "tsfm_queue_wait_seconds",
    "tsfm_coverage_ratio{segment,step,kind}",
    "tsfm_interval_width{segment,step}",
    "tsfm_breaches_total{severity}",
    "tsfm_ledger_lag_seconds",
    "tsfm_cycle_duration_seconds",
}


class Told(NamedTuple):
    """A metric and its labels."""

    name: str
    labels: frozenset[str]


def of_text(text: str) -> Told:
    name, _, labels = text.rstrip("}").partition("{")
    return Told(name, frozenset(labels.split(",")) if labels else frozenset())


def documented() -> list[Told]:
    """Return each row of the tables of metrics, wherever they stand."""
    return [
        Told(row["name"], frozenset((row["labels"] or "").split(",")) - {""})
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if (row := _ROW.match(line))
    ]


def told_by(exposed: Exposition) -> set[Told]:
    """Return each metric; a histogram is one."""
    return {
        Told(_PARTS.sub("", name), labels - {"le"})
        if exposed.types[name] == "histogram"
        else Told(name, labels)
        for name, labels in exposed.labels.items()
    }


def test_the_table_names_exactly_what_is_told(exposed: Exposition) -> None:
    rows = documented()

    assert set(rows) == told_by(exposed)
    assert len(rows) == len(set(rows))


def test_what_was_promised_is_told_with_its_labels(exposed: Exposition) -> None:
    assert {of_text(text) for text in PROMISED} <= told_by(exposed)


def test_names_say_what_kind_of_metric_it_is(exposed: Exposition) -> None:
    for name, kind in exposed.types.items():
        assert name.endswith("_total") == (kind == "counter"), name
        assert not name.endswith(("_ms", "_milliseconds", "_percentage")), name

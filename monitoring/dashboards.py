"""Writes the dashboards for Grafana, `grafana/dashboards/`, from `dashboards.yml`."""

import json
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
FOLDER = HERE / "grafana" / "dashboards"
PAGES: dict[str, dict[str, Any]] = yaml.safe_load(
    (HERE / "dashboards.yml").read_text(encoding="utf-8")
)

_SELECTOR = 'job=~"$job",instance=~"$instance"'
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3


def dashboard(name: str) -> dict[str, Any]:
    """Return the JSON model of one dashboard."""
    page = PAGES[name]
    return {
        "uid": f"tsfm-{name}",
        "title": page["title"],
        "tags": ["tsfm-runner"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "",
        "links": [
            {
                "type": "dashboards",
                "title": "TSFM Runner",
                "tags": ["tsfm-runner"],
                "asDropdown": True,
                "keepTime": True,
                "includeVars": True,
            }
        ],
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": [_panel(place, panel) for place, panel in enumerate(page["panels"])],
    }


def _variables() -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
    }
    return [
        source,
        _variable("job", "label_values(tsfm_start_time_seconds, job)"),
        _variable(
            "instance", 'label_values(tsfm_start_time_seconds{job=~"$job"}, instance)'
        ),
    ]


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(place: int, panel: dict[str, Any]) -> dict[str, Any]:
    row, column = divmod(place, _COLUMNS)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel["title"],
        "description": panel["text"],
        "datasource": _DATASOURCE,
        "gridPos": {
            "x": column * _WIDTH,
            "y": row * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {
            "defaults": {"unit": panel["unit"], "min": 0, "custom": {"fillOpacity": 8}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _DATASOURCE,
                "expr": line["expr"].replace("$S", _SELECTOR),
                "legendFormat": line["name"],
                "range": True,
            }
            for number, line in enumerate(panel["lines"])
        ],
    }


def written(name: str) -> str:
    """Return the text of the file of one dashboard."""
    return json.dumps(dashboard(name), indent=1) + "\n"


if __name__ == "__main__":
    for each in PAGES:
        (FOLDER / f"{each}.json").write_text(written(each), encoding="utf-8")

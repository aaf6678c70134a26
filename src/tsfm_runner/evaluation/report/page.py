"""One HTML file from the document of a study: plots, tables and all they need."""

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

from plotly.offline import get_plotlyjs

from tsfm_runner.evaluation.report import tables, words
from tsfm_runner.evaluation.report.figures import plot_data
from tsfm_runner.evaluation.schema import Document

_SCRIPTS = (
    "data.js",
    "pieces.js",
    "rows.js",
    "figures.js",
    "more_figures.js",
    "page.js",
)


def render(document: Document) -> str:
    """Return the report of a study: a page that loads nothing from anywhere.

    Nothing but the two scripts written here may run in it (their hashes stand in
    its content security policy), whatever the names of markets contain.
    """
    library, script = get_plotlyjs(), _own_script()
    manifest = document["manifest"]
    return Template(_static("page.html")).substitute(
        policy=_policy(library, script),
        title=escape(f"Study of {manifest['data']['name']}"),
        style=_static("style.css"),
        name=escape(manifest["data"]["name"]),
        created=_created(document),
        subject=escape(words.subject(document)),
        alarm=_alarm(document),
        verdict="".join(f"<li>{escape(one)}</li>" for one in words.verdict(document)),
        headline=tables.headline_table(document),
        fallbacks=tables.fallbacks_table(document),
        skipped=tables.skipped_tables(document),
        checks=tables.checks_table(document),
        manifest=tables.manifest_table(document),
        data=_embedded(document),
        library=library,
        script=script,
    )


@cache
def _static(name: str) -> str:
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")


def _own_script() -> str:
    parts = "\n".join(map(_static, _SCRIPTS))
    return f'(() => {{\n"use strict";\n{parts}}})();'


def _policy(*scripts: str) -> str:
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


def _created(document: Document) -> str:
    created_at = document["manifest"].get("created_at")
    return "" if created_at is None else f"Made {escape(created_at)}. "


def _alarm(document: Document) -> str:
    told = "".join(f"<li>{escape(one)}</li>" for one in words.alarms(document))
    if not told:
        return ""
    first = "A leakage check failed. Do not use a number of this page."
    return f'<div class="alarm" role="alert"><p>{first}</p><ul>{told}</ul></div>'


def _embedded(document: Document) -> str:
    """Return the data as JSON in which no tag can end or begin."""
    text = json.dumps(plot_data(document), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")

"""The documentation names everything there is to name, and is made from the code."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from docs.generated_parts import PARTS, on_page_markdown
from tests.docs.reading import PAGES, ROOT, name_of

from tsfm_runner.adapters.model_registry import load_registry
from tsfm_runner.adapters.models.store import SHIPPED_MODELS, stored_model
from tsfm_runner.adapters.setting_tree import list_settings
from tsfm_runner.api.schemas import ForecastRequest
from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.testing.markets import PRIORS
from tsfm_runner.testing.markets.profiles import Pace, Venue

SOURCE = ROOT / "src" / "tsfm_runner"
API = SOURCE / "api"
ERRORS = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
CODE = re.compile(r"[a-z]+(_[a-z]+)+|unauthorized|overloaded")
WARNING = re.compile(r"[a-z]+(_[a-z]+)+")
MARK = re.compile(r"<!-- made: (\w+) -->")


def problem_codes(source: str) -> Iterator[str]:
    """Yield every code that a call of ``Problem`` in the source may carry."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "Problem"
        ):
            for part in ast.walk(node.args[1]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


CODES = sorted(
    {
        code
        for path in API.glob("*.py")
        for code in problem_codes(path.read_text(encoding="utf-8"))
    }
)


def warning_texts(source: str) -> Iterator[str]:
    """Yield what a function of the source that speaks of warnings may warn of."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and "warn" in ast.unparse(node).lower():
            for part in ast.walk(node):
                text = part.value if isinstance(part, ast.Constant) else None
                if isinstance(text, str) and WARNING.fullmatch(text):
                    yield text


WARNINGS = {
    text
    for folder in ("service", "adapters/chronos", "adapters/tollama")
    for path in (SOURCE / folder).glob("*.py")
    for text in warning_texts(path.read_text(encoding="utf-8"))
}


def test_codes_of_problems_are_found() -> None:
    assert {"invalid_json", "not_found", "internal_error"} <= set(CODES)
    assert all(CODE.fullmatch(code) for code in CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_problem_has_its_line(code: str) -> None:
    assert f"| `{code}` |" in ERRORS


@pytest.mark.parametrize("reason", FallbackReason)
def test_a_fallback_reason_has_its_line(reason: FallbackReason) -> None:
    assert f"| `{reason}` |" in ERRORS


def test_warnings_are_found() -> None:
    assert {"quantiles_rearranged", "market_closed", "params_not_sent"} <= WARNINGS


def test_every_warning_has_its_line_and_no_line_is_left_over() -> None:
    _, _, section = ERRORS.partition("## Warnings")

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == WARNINGS


def test_every_setting_stands_in_the_made_tables() -> None:
    missing = [
        name for name in list_settings() if f"`{name}`" not in PARTS["settings"]()
    ]

    assert missing == []


def test_a_setting_is_shown_with_default_bounds_and_meaning() -> None:
    row = "| `task.horizon` | `12` | whole number, ≥ 1, ≤ 288 | Steps to forecast. |"

    assert row in PARTS["settings"]().splitlines()


def test_a_part_of_a_section_is_shown_with_the_defaults_that_it_has_there() -> None:
    rows = PARTS["settings"]().splitlines()

    minutes = [row for row in rows if ".window_minutes` |" in row]
    assert [row.split(" | ")[1] for row in minutes] == ["`60.0`", "`360.0`", "`1440.0`"]


def test_every_row_of_the_settings_stands_on_one_line() -> None:
    rows = [line for line in PARTS["settings"]().splitlines() if line.startswith("| `")]

    assert len(rows) >= len(list_settings())
    assert all(row.endswith(" |") for row in rows)


def test_every_field_of_a_request_stands_in_the_made_table() -> None:
    table = PARTS["request"]()

    assert all(f"`{name}`" in table for name in ForecastRequest.model_fields)
    assert "`model.provider`" in table


def test_every_model_stands_in_the_made_table_with_its_licence() -> None:
    models = load_registry(None, "dev").models.values()

    rows = PARTS["models"]().splitlines()

    assert len(rows) == len(models) + 2
    for model in models:
        assert any(
            f"`{model.name}`" in row and model.license_name in row for row in rows
        )


def test_the_model_card_names_the_file_that_is_shipped() -> None:
    manifest = stored_model(SHIPPED_MODELS / "tsfm-mini" / "1").manifest

    told = PARTS["shipped_model"]()

    assert manifest.sha256 in told
    assert f"| parameters | {manifest.n_parameters:,} |" in told
    assert all(f"made by: {key}" in told for key in manifest.made_by)


def test_the_model_card_tells_every_constant_of_every_prior() -> None:
    text = PARTS["priors"]()

    for name, profiles in PRIORS.items():
        _, _, section = text.partition(f"### {name}\n")
        for kind in profiles:
            assert f"{kind.category} ({kind.shape}, {kind.weight:g}" in section
    for part in (Pace, Venue):
        for field in fields(part):
            assert text.count(f"| `{field.name}` |") == len(PRIORS)


def test_a_constant_is_told_as_most_kinds_have_it_and_then_the_others() -> None:
    [row] = [
        row
        for row in PARTS["priors"]().splitlines()
        if row.startswith("| `hazard_share` |") and "hazard: 1" in row
    ]

    assert row == "| `hazard_share` | 0 | hazard: 1 |"


def test_every_command_is_described() -> None:
    text = PARTS["commands"]()

    assert "### `tsfm-runner forecast`" in text
    assert "* `--quantiles" in text


def test_every_decision_is_linked() -> None:
    linked = re.findall(r"\((0\d{3}-[a-z0-9-]+\.md)\)", PARTS["decisions"]())

    assert linked == sorted(path.name for path in (ROOT / "docs/adr").glob("0*.md"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_marked_place_is_filled(page: Path) -> None:
    markdown = page.read_text(encoding="utf-8")

    filled = on_page_markdown(markdown)

    assert not MARK.search(filled)


def test_every_made_part_has_its_place() -> None:
    places = {
        name
        for page in PAGES
        for name in MARK.findall(page.read_text(encoding="utf-8"))
    }

    assert places == set(PARTS)

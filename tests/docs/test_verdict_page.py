"""The page on verdicts names every reason, and its file is one."""

from pathlib import Path

import pytest
from tests.docs.reading import ROOT, blocks

from tsfm_runner.adapters.verdict_file import SCHEMA, read_verdict
from tsfm_runner.domain.verdict import VerdictReason

PAGE = ROOT / "docs" / "verdict.md"


@pytest.mark.parametrize("reason", VerdictReason)
def test_a_reason_has_its_line(reason: VerdictReason) -> None:
    assert f"| `{reason}` |" in PAGE.read_text(encoding="utf-8")


def test_the_file_on_the_page_is_a_verdict(tmp_path: Path) -> None:
    [shown] = blocks(PAGE, "yaml")
    file = tmp_path / "verdict.yaml"
    file.write_text(shown, encoding="utf-8")

    found = read_verdict(file)

    assert f"schema: {SCHEMA}" in shown
    assert found.n_proven == 1

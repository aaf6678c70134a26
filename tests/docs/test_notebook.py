"""The notebook of the documentation runs, and says what it promises."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "evaluate.ipynb"


def executed(folder: Path) -> list[Any]:
    target = folder / "executed.ipynb"
    program = Path(sys.executable).with_name("jupyter-execute")
    subprocess.run(  # noqa: S603 - a program of this environment
        [program, NOTEBOOK, f"--output={target}"],
        check=True,
        cwd=folder,
        env=os.environ | {"IPYTHONDIR": str(folder), "JUPYTER_CONFIG_DIR": str(folder)},
        capture_output=True,
        timeout=300,
    )
    cells = json.loads(target.read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return executed(tmp_path_factory.mktemp("notebook"))


def test_every_cell_of_the_notebook_shows_something(cells: list[Any]) -> None:
    assert len(cells) == 6
    for cell in cells:
        assert [one["output_type"] for one in cell["outputs"]] == ["execute_result"]


def test_its_table_has_each_model_raw_and_calibrated(cells: list[Any]) -> None:
    table = "".join(cells[2]["outputs"][0]["data"]["text/plain"])

    for entry in ("ewma/raw", "ewma/calibrated", "har/raw", "har/calibrated"):
        assert entry in table


def test_the_notebook_is_kept_without_outputs() -> None:
    kept = json.loads(NOTEBOOK.read_text())["cells"]

    assert all(not cell.get("outputs") for cell in kept)
    assert all(cell.get("execution_count") is None for cell in kept)

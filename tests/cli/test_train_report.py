"""The end of a training is told in a table, in sentences, and as a document."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tests.adapters.embedded.stored import store_model
from tests.evaluation.recordings import make_markets
from tests.service.verdict.samples import decided

from tsfm_runner.bootstrap.training import Trained, Wish
from tsfm_runner.cli.train_report import Ended, document_of, judged_table, summary
from tsfm_runner.config import Settings
from tsfm_runner.domain.verdict import VerdictReason
from tsfm_runner.learning.lessons import lessons_of
from tsfm_runner.service.verdict.preferring import Preference

LESSONS = lessons_of(
    make_markets(60, n_points=60),
    Settings.model_validate({"verdict": {"min_groups": 4}}),
)
UNCLEAR = VerdictReason.NOT_SIGNIFICANT


def ended(folder: Path, *, is_kept: bool) -> Ended:
    base = store_model(folder)
    wish = Wish(
        name="mine", revision="7", base=base, minutes=1.0, seed=1, n_workers=None
    )
    weights = {"bias": np.zeros(1, dtype=np.float32)}
    trained = Trained(weights, 0.2, 0.1, 300, 4_000)
    judged = decided(
        is_proven=is_kept,
        reason=None if is_kept else UNCLEAR,
        against="tiny",
        ratio=0.912,
        low=0.845,
        high=None,
    )
    kept = store_model(folder, name="mine") if is_kept else None
    return Ended(wish, LESSONS, trained, Preference(is_kept, (judged,)), kept)


@pytest.mark.parametrize("words", ["proven", "not significant"])
def test_the_table_fits_a_terminal(tmp_path: Path, words: str) -> None:
    console = Console(width=80, file=StringIO(), record=True)

    console.print(judged_table(ended(tmp_path, is_kept=words == "proven")))

    told = console.export_text()
    for text in (words, "0.912 [0.845, -]", "tiny", "0.790 to 0.810", "5m"):
        assert text in told


def test_a_model_that_is_kept_says_where_and_how_to_use_it(tmp_path: Path) -> None:
    trained, stored, use = summary(ended(tmp_path, is_kept=True))

    assert "4,000 windows in 300 steps" in trained
    assert "0.10000, of tiny@1 0.20000" in trained
    assert stored == f"mine@1 is stored in {tmp_path / 'mine' / '1'}"
    assert use.endswith("export TSFM_EMBEDDED__MODEL=mine")


def test_a_model_that_is_not_kept_says_why(tmp_path: Path) -> None:
    *_, last = summary(ended(tmp_path, is_kept=False))

    assert last == (
        "Not stored: it is not proven to be better than tiny@1 and the baselines."
    )


def test_the_document_holds_all_of_it(tmp_path: Path) -> None:
    told = document_of(ended(tmp_path, is_kept=False))

    [judged] = told["judged"]
    assert (told["name"], told["revision"], told["base"]) == ("mine", "7", "tiny@1")
    assert (told["is_kept"], told["path"]) == (False, None)
    assert sum(told["events"].values()) == 30
    assert (judged["freq"], judged["reason"], judged["ratio"]) == ("5m", UNCLEAR, 0.912)

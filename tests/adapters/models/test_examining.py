"""A sound model passes, and each way to be unsound is found and named."""

import numpy as np
import pytest
from tests.adapters.models.graphs import (
    LEVELS,
    N_PARAMETERS,
    STEPS,
    Flaw,
    model_bytes,
)

from tsfm_runner.adapters.models.examining import (
    describe,
    require_known_answers,
    try_out,
)
from tsfm_runner.adapters.models.golden import Golden, usual_contexts
from tsfm_runner.core.foundation.signature import N_FEATURES
from tsfm_runner.errors import ModelFileError

CONTEXTS = usual_contexts()
FEW = N_FEATURES - 1


def answers(flaw: Flaw | None = None) -> Golden:
    content = model_bytes(flaw)
    return try_out(content, describe(content).facts, CONTEXTS)


def test_a_model_says_what_it_is() -> None:
    facts, n_parameters = describe(model_bytes())

    assert n_parameters == N_PARAMETERS
    assert (facts.name, facts.revision) == ("tiny", "1")
    assert (facts.license_name, facts.license_tag) == ("apache-2.0", "commercial_ok")
    assert (facts.steps, facts.quantile_levels) == (STEPS, LEVELS)
    assert facts.made_by == {"seed": 1}


def test_what_is_said_stands_in_the_place_of_what_it_says() -> None:
    content = model_bytes(without=("name", "license_tag", "made_by"))

    facts, _ = describe(content, {"name": "mine", "license_name": "MIT"})

    assert (facts.name, facts.license_name) == ("mine", "MIT")
    assert facts.license_tag == "unknown"
    assert facts.made_by == {}


@pytest.mark.parametrize(
    ("metadata", "without", "told"),
    [
        ({}, ("signature",), "signature: Field required"),
        ({"signature": "tsfm-2"}, (), "signature: Input should be 'tsfm-1'"),
        ({}, ("name",), "name: Field required"),
        ({}, ("steps",), "steps: Field required"),
        ({"steps": "1, 2"}, (), "steps: "),
        ({"steps": "[" * 100_000}, (), "steps: "),
        ({"quantile_levels": [0.9, 0.5, 0.1]}, (), "quantile_levels: must ascend"),
        ({"license_tag": "free"}, (), "license_tag: "),
        ({"made_by": "me"}, (), "made_by: "),
    ],
)
def test_words_that_are_missing_or_wrong_are_named(
    metadata: dict[str, object], without: tuple[str, ...], told: str
) -> None:
    content = model_bytes(None, without=without, slope=0.5, **metadata)

    with pytest.raises(ModelFileError) as caught:
        describe(content)

    assert str(caught.value).startswith("what it says of itself: ")
    assert told in str(caught.value)


def test_what_is_no_onnx_file_is_refused() -> None:
    with pytest.raises(ModelFileError, match="not a model: it is"):
        describe(b"market_id,ts,price\n")


def test_weights_in_other_files_are_refused() -> None:
    with pytest.raises(ModelFileError, match="weights lie in other files"):
        describe(model_bytes("external"))


def test_a_sound_model_answers_every_context() -> None:
    golden = answers()

    assert golden.contexts == CONTEXTS
    assert golden.offsets.shape == (len(CONTEXTS), len(STEPS), len(LEVELS))
    assert len(np.unique(golden.offsets[:, 0, 0])) > len(CONTEXTS) / 2


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ("no_features", "its inputs are channels, and should be features, channels"),
        ("few_features", rf"features .*\(N, {FEW}\), and should .*\(N, {FEW + 1}\)"),
        ("few_channels", r"channels has the shape \(N, 3, 287\)"),
        ("fixed_batch", r"features .*\(4, \d+\), .*\(N, \d+\) with any N"),
        ("double", r"cannot run it: .*tensor\(double\)"),
        ("other_answer", "its outputs are bands; offsets is missing"),
        ("few_levels", r"the shape \(12, 6, 6\), and should have \(12, 6, 7\)"),
        ("not_a_number", "not all finite"),
        ("infinite", "not all finite"),
        ("crossing", "its answers cross"),
        ("integers", "its output offsets is no tensor of float32"),
        ("named_to_clear_the_screen", r"cannot run it: .* Name:'\?\[2J'"),
        ("random", "differently each time"),
        ("batch_matters", "depends on the other series of a call"),
    ],
)
def test_an_unsound_model_is_refused(flaw: Flaw, told: str) -> None:
    with pytest.raises(ModelFileError, match=told):
        answers(flaw)


def test_a_graph_that_onnx_runtime_cannot_open_is_refused() -> None:
    content = model_bytes().replace(b"ReduceMean", b"ReduceMess")

    with pytest.raises(ModelFileError, match=r"ONNX Runtime cannot run it: .*Mess"):
        try_out(content, describe(content).facts, CONTEXTS)


def test_answers_are_held_against_those_that_are_known() -> None:
    found = answers()
    nearly, other = found.offsets.copy(), found.offsets.copy()
    nearly[3, 2, 1] += 5e-5
    other[3, 2, 1] += 0.01

    require_known_answers(found, Golden(CONTEXTS, nearly))
    with pytest.raises(ModelFileError, match=r"^1 of 504 answers .* 1\.0e-02 away"):
        require_known_answers(found, Golden(CONTEXTS, other))
    with pytest.raises(ModelFileError, match="have the shape"):
        require_known_answers(found, Golden(CONTEXTS, other[:, :, 1:]))

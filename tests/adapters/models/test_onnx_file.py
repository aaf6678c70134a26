"""An ONNX file tells what it is and how large, and nothing else passes for one."""

import onnx
import pytest
from onnx import TensorProto, helper
from tests.adapters.models.graphs import LEVELS, N_PARAMETERS, STEPS, model_bytes

from tsfm_runner.adapters.models.onnx_file import NotOnnxError, read_onnx

WHOLE = model_bytes()


def test_the_metadata_are_those_that_onnx_reads() -> None:
    model = onnx.load_model_from_string(WHOLE)

    read = read_onnx(WHOLE).metadata

    assert read == {one.key: one.value for one in model.metadata_props}
    assert read["steps"] == str(list(STEPS))
    assert read["quantile_levels"] == str(list(LEVELS))


def test_weights_are_counted_and_the_numbers_of_shapes_are_not() -> None:
    assert read_onnx(WHOLE).n_parameters == N_PARAMETERS


def test_weights_that_are_constants_of_a_branch_are_counted() -> None:
    weights = helper.make_tensor("w", TensorProto.FLOAT16, [3, 5], [0.0] * 15)
    inner = helper.make_node("Constant", [], ["out"], value=weights)
    branch = helper.make_graph([inner], "branch", [], [])
    outer = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    model = helper.make_model(helper.make_graph([outer], "whole", [], []))

    assert read_onnx(model.SerializeToString()).n_parameters == 30


def test_shapes_that_are_packed_are_read() -> None:
    tensor = bytes([0x0A, 3, 2, 0x96, 0x01, 0x10, 1])  # dims [2, 150], type 1
    graph = bytes([0x2A, len(tensor)]) + tensor

    assert read_onnx(bytes([0x3A, len(graph)]) + graph).n_parameters == 300


@pytest.mark.parametrize(
    "model",
    [bytes([0x38, 1]), bytes([0x72, 2, 0x0A, 9]), bytes([0x72, 4, 0x0A, 2, 0xFF, 0])],
    ids=["a graph that is a number", "a text cut short", "a text of other bytes"],
)
def test_fields_that_hold_something_else_are_refused(model: bytes) -> None:
    with pytest.raises(NotOnnxError):
        read_onnx(model)


def test_metadata_without_a_value_are_empty() -> None:
    graph, entry = bytes([0x3A, 0]), bytes([0x72, 3, 0x0A, 1, ord("a")])

    assert read_onnx(graph + entry).metadata == {"a": ""}


def test_weights_in_other_files_are_seen() -> None:
    assert not read_onnx(WHOLE).has_outer_weights
    assert read_onnx(model_bytes("external")).has_outer_weights


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Not found</html>",
        b"PK\x03\x04" + bytes(60),
        bytes(100),
        bytes([0xFF] * 40),
        WHOLE[10:],
    ],
    ids=["nothing", "page", "archive", "zeros", "ones", "a tail"],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(NotOnnxError):
        read_onnx(content)


def test_a_file_that_is_cut_short_never_reads_as_whole() -> None:
    whole = read_onnx(WHOLE)

    for length in range(len(WHOLE)):
        try:
            assert read_onnx(WHOLE[:length]) != whole
        except NotOnnxError:
            continue


def test_metadata_that_are_no_text_are_refused() -> None:
    with pytest.raises(NotOnnxError, match="no text"):
        read_onnx(WHOLE.replace(b"A normal band.", b"A normal \xff\xfe\xff\xfe."))

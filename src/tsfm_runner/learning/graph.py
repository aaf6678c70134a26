"""The network as an ONNX graph, built from its weights and read back into them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from tsfm_runner.core.foundation.signature import (
    CONTEXT_STEPS,
    N_CHANNELS,
    N_FEATURES,
)
from tsfm_runner.learning.shape import (
    KERNELS,
    MAX_LOG_SCALE,
    MEDIAN,
    N_LEVELS,
    N_STEPS,
    POOLED,
    RECENT_STEPS,
    NetworkShape,
    Weights,
    level_ladder,
)

OPSET = 20  # the first with Gelu
IR_VERSION = 9
CONSTANT = "constant."
STORED = ".stored"
"""Ends the name of a weight that is stored in half precision and cast when loaded."""


def to_graph(
    weights: Weights, metadata: Mapping[str, str], *, is_half: bool
) -> onnx.ModelProto:
    """Build the graph of signature `tsfm-1` that computes what the network does.

    ``is_half`` stores weights as float16, half the bytes; every computation stays
    in float32.
    """
    shape = NetworkShape.of(weights)
    drawing = _Drawing()
    for name, values in weights.items():
        drawing.store(name, values, is_half=is_half)
    _draw(drawing, shape)
    graph = helper.make_graph(
        drawing.nodes,
        "tsfm",
        [
            _tensor("features", N_FEATURES),
            _tensor("channels", N_CHANNELS, CONTEXT_STEPS),
        ],
        [_tensor("offsets", N_STEPS, N_LEVELS)],
        drawing.stored,
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        graph,
        opset_imports=opset,
        ir_version=IR_VERSION,
        producer_name="tsfm-runner",
    )
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def to_weights(model: onnx.ModelProto) -> dict[str, npt.NDArray[np.float32]]:
    """Read the weights back, to train on from them.

    Raises
    ------
    ValueError
        If the graph was not built here: its weights have no place in the network.

    """
    weights = {
        stored.name.removesuffix(STORED): numpy_helper.to_array(stored).astype("f4")
        for stored in model.graph.initializer
        if not stored.name.startswith(CONSTANT)
    }
    try:
        NetworkShape.of(weights)
    except (KeyError, IndexError) as exc:
        raise ValueError("this graph was not made by tsfm-runner's training") from exc
    return weights


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A graph that grows node by node; each node is named like what it answers."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    stored: list[onnx.TensorProto] = field(default_factory=list)

    def node(
        self, kind: str, *inputs: str, answer: str, **settings: int | Sequence[int]
    ) -> str:
        made = helper.make_node(kind, inputs, [answer], name=answer)
        made.attribute.extend(starmap(helper.make_attribute, settings.items()))
        self.nodes.append(made)
        return answer

    def constant(self, name: str, values: npt.ArrayLike, kind: str) -> str:
        full = CONSTANT + name
        array = np.asarray(values, dtype=kind)
        self.stored.append(numpy_helper.from_array(array, full))
        return full

    def store(
        self, name: str, values: npt.NDArray[np.float32], *, is_half: bool
    ) -> None:
        if not is_half:
            self.stored.append(numpy_helper.from_array(values, name))
            return
        half = values.astype(np.float16)
        self.stored.append(numpy_helper.from_array(half, name + STORED))
        self.node("Cast", name + STORED, answer=name, to=TensorProto.FLOAT)

    def dense(self, shown: str, *, layer: str, answer: str) -> str:
        weights = (f"{layer}.weight", f"{layer}.bias")
        return self.node("Gemm", shown, *weights, answer=answer, transB=1)

    def normed(self, shown: str, *, layer: str, answer: str) -> str:
        weights = (f"{layer}.weight", f"{layer}.bias")
        return self.node("LayerNormalization", shown, *weights, answer=answer, axis=-1)


def _draw(drawing: _Drawing, shape: NetworkShape) -> None:
    mixed = drawing.dense(_seen(drawing), layer="mix", answer="mixed")
    for number in range(shape.n_blocks):
        mixed = _block(drawing, mixed, layer=f"blocks.{number}")
    normed = drawing.normed(mixed, layer="norm", answer="normed")
    shown = drawing.node("Gelu", normed, answer="normed.active")
    _head(drawing, drawing.dense(shown, layer="head", answer="raw"))


def _seen(drawing: _Drawing) -> str:
    """Draw the pyramid and what stands beside it, flat."""
    seen, pooled = "channels", ""
    for number, (length, stride) in enumerate(KERNELS):
        layer = f"convolutions.{number}"
        swept = drawing.node(
            "Conv",
            seen,
            f"{layer}.weight",
            f"{layer}.bias",
            answer=f"{layer}.swept",
            kernel_shape=[length],
            strides=[stride],
        )
        seen = drawing.node("Gelu", swept, answer=f"{layer}.active")
        if number == POOLED:
            pooled = drawing.node("GlobalAveragePool", seen, answer="pooled")
    first = drawing.constant("first_recent", [CONTEXT_STEPS - RECENT_STEPS], "i8")
    last = drawing.constant("after_last", [CONTEXT_STEPS], "i8")
    axis = drawing.constant("time_axis", [2], "i8")
    recent = drawing.node("Slice", "channels", first, last, axis, answer="recent")
    flat = [
        drawing.node("Flatten", part, answer=f"{part}.flat")
        for part in (seen, recent, pooled)
    ]
    return drawing.node("Concat", "features", *flat, answer="seen", axis=1)


def _block(drawing: _Drawing, mixed: str, *, layer: str) -> str:
    normed = drawing.normed(mixed, layer=f"{layer}.norm", answer=f"{layer}.normed")
    wide = drawing.dense(normed, layer=f"{layer}.wide", answer=f"{layer}.widened")
    active = drawing.node("Gelu", wide, answer=f"{layer}.active")
    narrow = drawing.dense(active, layer=f"{layer}.narrow", answer=f"{layer}.narrowed")
    return drawing.node("Add", mixed, narrow, answer=f"{layer}.mixed")


def _head(drawing: _Drawing, raw: str) -> str:
    """Draw gaps that cannot be negative, so that quantiles cannot cross."""
    sizes = [N_STEPS, N_LEVELS + 1]
    rows = drawing.node(
        "Reshape", raw, drawing.constant("rows", [-1, *sizes], "i8"), answer="raw.rows"
    )
    parts = [MEDIAN, 1, N_LEVELS - 1 - MEDIAN, 1]
    names = ["raw.below", "raw.median", "raw.above", "raw.log_scale"]
    split = drawing.constant("parts", parts, "i8")
    drawing.nodes.append(helper.make_node("Split", [rows, split], names, axis=2))
    both = drawing.node("Concat", names[0], names[2], answer="raw.gaps", axis=2)
    gaps = drawing.node("Softplus", both, answer="gaps")
    ladder = drawing.constant("ladder", level_ladder(), "f4")
    apart = drawing.node("MatMul", gaps, ladder, answer="apart")
    shifted = drawing.node("Add", apart, names[1], answer="shifted")
    low = drawing.constant("least_log_scale", -MAX_LOG_SCALE, "f4")
    high = drawing.constant("most_log_scale", MAX_LOG_SCALE, "f4")
    log_scale = drawing.node("Clip", names[3], low, high, answer="log_scale")
    scale = drawing.node("Exp", log_scale, answer="scale")
    return drawing.node("Mul", shifted, scale, answer="offsets")


def _tensor(name: str, *sizes: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *sizes])

"""Small ONNX graphs of signature ``tsfm-1``: a sound one, and each way to be wrong."""

import json
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any, Literal, TypeAlias

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from onnx.numpy_helper import from_array

from tsfm_runner.core.foundation.signature import (
    CONTEXT_STEPS,
    N_CHANNELS,
    N_FEATURES,
    SIGNATURE,
)

STEPS = (1, 2, 4, 12, 48, 288)
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
N_PARAMETERS = len(STEPS) * len(LEVELS) + 1

Flaw: TypeAlias = Literal[
    "batch_matters",
    "crossing",
    "double",
    "external",
    "few_channels",
    "few_features",
    "fixed_batch",
    "few_levels",
    "infinite",
    "integers",
    "named_to_clear_the_screen",
    "no_features",
    "other_answer",
    "not_a_number",
    "random",
]

_OPSET = 18


def model_bytes(
    flaw: Flaw | None = None,
    *,
    without: tuple[str, ...] = (),
    slope: float = 0.5,
    **metadata: object,
) -> bytes:
    """Return a model whose band is normal and leans with the mean of its channels.

    ``metadata`` stand in the place of the usual ones, and those ``without`` are
    left out; what is no text is written as JSON.
    """
    model = _model(flaw, slope)
    told: dict[str, Any] = {
        "signature": SIGNATURE,
        "name": "tiny",
        "revision": "1",
        "license_name": "apache-2.0",
        "license_tag": "commercial_ok",
        "description": "A normal band.",
        "steps": STEPS,
        "quantile_levels": LEVELS,
        "made_by": {"seed": 1},
        **metadata,
    }
    for name, value in told.items():
        if name not in without:
            text = value if isinstance(value, str) else json.dumps(value)
            model.metadata_props.add(key=name, value=text)
    return bytes(model.SerializeToString())


def _model(flaw: Flaw | None, slope: float) -> ModelProto:
    bands = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    table = np.tile(bands, (len(STEPS), 1)).astype(np.float32)
    if flaw is not None and flaw in _TABLES:
        table = _TABLES[flaw](table)
    weights = [
        from_array(table, "table"),
        from_array(np.array([[[slope]]], dtype=np.float32), "slope"),
        from_array(np.array([1, 2]), "axes"),
    ]
    if flaw == "external":
        weights[0].data_location = TensorProto.EXTERNAL
        weights[0].external_data.add(key="location", value="weights.bin")
        weights[0].ClearField("raw_data")
    graph = helper.make_graph(
        _nodes(flaw), "tiny", _inputs(flaw), [_output(flaw)], weights
    )
    opset = helper.make_opsetid("", _OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10)


_TABLES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "crossing": lambda table: table[:, ::-1].copy(),
    "few_levels": lambda table: table[:, :-1].copy(),
    "infinite": lambda table: table + np.float32(np.inf),
    "not_a_number": lambda table: table * np.float32(np.nan),
}


def _nodes(flaw: Flaw | None) -> list[NodeProto]:
    add = helper.make_node
    lean = [
        add("ReduceMean", ["channels", "axes"], ["mean"], keepdims=1),
        add("Mul", ["mean", "slope"], ["lean"]),
    ]
    last = "offsets" if flaw not in _AFTER else "sound"
    nodes = [*lean, add("Add", ["lean", "table"], [last])]
    if flaw in _AFTER:
        nodes += _AFTER[flaw]()
    return nodes


def _inputs(flaw: Flaw | None) -> list[ValueInfoProto]:
    n_rows: int | str = 4 if flaw == "fixed_batch" else "N"
    kind = TensorProto.DOUBLE if flaw == "double" else TensorProto.FLOAT
    n_features = N_FEATURES - (flaw == "few_features")
    n_steps = CONTEXT_STEPS - (flaw == "few_channels")
    value = helper.make_tensor_value_info
    features = value("features", kind, [n_rows, n_features])
    channels = value("channels", TensorProto.FLOAT, [n_rows, N_CHANNELS, n_steps])
    return [channels] if flaw == "no_features" else [features, channels]


def _output(flaw: Flaw | None) -> ValueInfoProto:
    name = "bands" if flaw == "other_answer" else "offsets"
    shape: list[int | str] = ["N", len(STEPS), "levels"]
    kind = TensorProto.INT64 if flaw == "integers" else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, kind, shape)


_AFTER: Mapping[Flaw | None, Callable[[], list[NodeProto]]] = {
    "batch_matters": lambda: [
        helper.make_node("ReduceMax", ["sound"], ["most"], keepdims=1),
        helper.make_node("Add", ["sound", "most"], ["offsets"]),
    ],
    "integers": lambda: [
        helper.make_node("Cast", ["sound"], ["offsets"], to=TensorProto.INT64)
    ],
    "named_to_clear_the_screen": lambda: [
        helper.make_node("Reshape", ["sound", "axes"], ["offsets"], name="\x1b[2J")
    ],
    "random": lambda: [
        helper.make_node("RandomNormalLike", ["mean"], ["noise"]),
        helper.make_node("Add", ["sound", "noise"], ["offsets"]),
    ],
    "other_answer": lambda: [helper.make_node("Identity", ["sound"], ["bands"])],
}

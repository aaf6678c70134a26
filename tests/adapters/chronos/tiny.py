"""Checkpoints of both kinds, tiny and with random weights, made by the library."""

from pathlib import Path
from typing import Any

import torch
from chronos.chronos2.config import Chronos2CoreConfig
from chronos.chronos2.model import Chronos2Model
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from transformers import T5Config

CONTEXT_LENGTH = 64
PATCH = 8
TRAINED_HORIZON = 16
BOLT_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
CHRONOS_2_LEVELS = (0.01, 0.05, *BOLT_LEVELS, 0.95, 0.99)

_SIZES: dict[str, Any] = {
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 32,
    "num_layers": 2,
    "num_heads": 2,
    "initializer_factor": 0.5,
}
_PATCHES: dict[str, Any] = {
    "context_length": CONTEXT_LENGTH,
    "input_patch_size": PATCH,
    "input_patch_stride": PATCH,
    "use_reg_token": True,
}


def make_chronos_2(folder: Path) -> Path:
    """Write a checkpoint of Chronos-2."""
    torch.manual_seed(20260220)
    config = Chronos2CoreConfig(
        **_SIZES,
        chronos_pipeline_class="Chronos2Pipeline",
        chronos_config={
            **_PATCHES,
            "output_patch_size": PATCH,
            "max_output_patches": TRAINED_HORIZON // PATCH,
            "quantiles": list(CHRONOS_2_LEVELS),
            "use_arcsinh": True,
        },
    )
    Chronos2Model(config).save_pretrained(folder)
    return folder


def make_bolt(folder: Path) -> Path:
    """Write a checkpoint of Chronos-Bolt."""
    torch.manual_seed(20260220)
    config = T5Config(
        **_SIZES,
        num_decoder_layers=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        feed_forward_proj="relu",
        chronos_pipeline_class="ChronosBoltPipeline",
        chronos_config={
            **_PATCHES,
            "prediction_length": TRAINED_HORIZON,
            "quantiles": list(BOLT_LEVELS),
        },
    )
    ChronosBoltModelForForecasting(config).save_pretrained(folder)
    return folder

"""A double of the tollama daemon over real HTTP, with faults on demand."""

from tsfm_runner.testing.fake_tollama.app import (
    create_fake_tollama,
    running_fake_tollama,
    set_fault,
    set_latency,
)
from tsfm_runner.testing.fake_tollama.options import FakeTollamaOptions, Fault

__all__ = [
    "FakeTollamaOptions",
    "Fault",
    "create_fake_tollama",
    "running_fake_tollama",
    "set_fault",
    "set_latency",
]

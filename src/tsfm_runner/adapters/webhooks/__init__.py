"""Breach signals as posts to endpoints outside: their shapes, signature and files."""

from tsfm_runner.adapters.webhooks.by_hand import message_again, trial_message
from tsfm_runner.adapters.webhooks.dead_letters import (
    DeadLetterFile,
    dead_letter_path,
    read_letters,
)
from tsfm_runner.adapters.webhooks.endpoint import HttpEndpoint, open_session
from tsfm_runner.adapters.webhooks.secrets import read_secrets
from tsfm_runner.adapters.webhooks.shapes import Message, Shape, shape_of

__all__ = [
    "DeadLetterFile",
    "HttpEndpoint",
    "Message",
    "Shape",
    "dead_letter_path",
    "message_again",
    "open_session",
    "read_letters",
    "read_secrets",
    "shape_of",
    "trial_message",
]

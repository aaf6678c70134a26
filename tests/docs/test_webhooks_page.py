"""What the page of webhooks shows to receivers holds for what we post."""

import json
import time
from typing import Any

from tests.docs.reading import ROOT, blocks
from tests.service.signals_told import breach_signal

from tsfm_runner.adapters.webhooks import shape_of
from tsfm_runner.adapters.webhooks.signing import signed_headers
from tsfm_runner.api.breach_schemas import breach_of
from tsfm_runner.config import WebhookConfig

PAGE = ROOT / "docs" / "webhooks.md"
KEY = b"the-key-of-this-test"


def test_the_program_of_the_page_knows_what_is_ours() -> None:
    names: dict[str, Any] = {}
    [program] = blocks(PAGE, "python")
    exec(program, names)  # noqa: S102 - it is ours
    is_genuine = names["is_genuine"]
    now_s = time.time()
    keys = [b"the-key-of-before", KEY]

    headers = signed_headers(keys, message_id="a.1", sent_at_s=now_s, body=b"{}")
    late = signed_headers(keys, message_id="a.1", sent_at_s=now_s - 999, body=b"{}")

    assert is_genuine(KEY, headers, b"{}")
    assert not is_genuine(KEY, headers, b"{ }")
    assert not is_genuine(b"another", headers, b"{}")
    assert not is_genuine(KEY, late, b"{}")


def test_the_event_of_the_page_has_the_fields_of_ours() -> None:
    [shown] = blocks(PAGE, "json")
    event = shape_of(
        WebhookConfig.model_validate({"url": "http://a/"}),
        describe=breach_of,
        public_url="https://tsfm.internal",
        now=time.time,
    ).payload(breach_signal(1))

    document = json.loads(shown)
    assert document.keys() == event.keys()
    assert document["data"].keys() <= event["data"].keys()
    assert document["source"] == event["source"]

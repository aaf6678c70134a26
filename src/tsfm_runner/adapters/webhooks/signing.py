"""Sign a post as Standard Webhooks say, so that its receiver knows who sent it."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from tsfm_runner.config.webhooks import SECRET_PREFIX


def key_of(secret: str) -> bytes:
    """Return the bytes that sign: those behind ``whsec_``, or the text as it is."""
    if secret.startswith(SECRET_PREFIX):
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return secret.encode()


def signed_headers(
    keys: Sequence[bytes], *, message_id: str, sent_at_s: float, body: bytes
) -> Mapping[str, str]:
    """Return the headers of a post; without keys it is not signed.

    Each key signs, so that a receiver may know the new one or still the old one.
    """
    sent_at = str(int(sent_at_s))
    headers = {"webhook-id": message_id, "webhook-timestamp": sent_at}
    if keys:
        content = b".".join((message_id.encode(), sent_at.encode(), body))
        headers["webhook-signature"] = " ".join(
            _signature(key, content) for key in keys
        )
    return headers


def _signature(key: bytes, content: bytes) -> str:
    digest = hmac.digest(key, content, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"

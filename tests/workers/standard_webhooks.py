"""A verifier of signed webhooks as a merchant would have it, written from the Standard Webhooks specification 1.0."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)


class Refused(Exception):
    """The message is not authentic, or too old or new."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raises Refused unless one of the signatures is right and the time is near."""
    given = {name.lower(): value for name, value in headers.items()}
    sent_at = datetime.fromtimestamp(int(given["webhook-timestamp"]), UTC)
    if abs(now - sent_at) > TOLERANCE:
        raise Refused("time")
    key = base64.b64decode(secret[len("whsec_") :])
    content = f"{given['webhook-id']}.{given['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    for candidate in given["webhook-signature"].split(" "):
        version, _, value = candidate.partition(",")
        if version == "v1" and hmac.compare_digest(value, expected):
            return
    raise Refused("signature")

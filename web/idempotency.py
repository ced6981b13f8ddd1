"""Idempotency keys: the same key with the same request gives the first answer again, with another request a refusal."""

from __future__ import annotations

import re

import msgspec

from commands import IdempotencyKey
from ledger.errors import IdempotencyKeyInvalid, IdempotencyKeyMissing
from ledger.ids import fingerprint

HEADER = "Idempotency-Key"
KEY_MAX = 255


def key_of(header: str | None, *, scope: str, method: str, path: str, body: object) -> IdempotencyKey:
    """The key of a request. The fingerprint covers method, path and what the body says, whatever its blanks and order.

    Raises IdempotencyKeyMissing, IdempotencyKeyInvalid.
    """
    if header is None:
        raise IdempotencyKeyMissing(
            "Send a new random text, such as a UUID, in Idempotency-Key, and the same one when you send it again.",
            field=HEADER,
        )
    if not re.fullmatch(rf"[!-~]{{1,{KEY_MAX}}}", header):
        raise IdempotencyKeyInvalid(f"A key is 1 to {KEY_MAX} visible ASCII characters.", field=HEADER)
    said = msgspec.json.encode(body, order="sorted")
    return IdempotencyKey(scope=scope, key=header, fingerprint=fingerprint(method.encode(), path.encode(), said))

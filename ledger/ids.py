"""Ids: prefixed strings, derived from natural keys wherever there is one.

A derived id makes a duplicate collide in the event store instead of in our code: the same request, webhook or statement
row always leads to the same stream.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = [first + second for first in _BASE32 for second in _BASE32]
_SHIFTS: Final = tuple(range(120, -1, -10))
"""130 bits are thirteen pairs of letters (RFC 4648, base32, in small letters): found in a table they cost less than
half of what the library takes, and a gateway derives several ids an event."""


def derive(prefix: str, *natural_key: str | int) -> str:
    """`prefix_` and 26 lower-case characters: the first 130 bits of SHA-256 over the parts of the natural key.

    The parts are hashed as a JSON list, so ("a", "bc") and ("ab", "c") differ.
    """
    digest = hashlib.sha256(msgspec.json.encode([prefix, *natural_key])).digest()
    bits = int.from_bytes(digest[:17], "big") >> 6
    return f"{prefix}_{''.join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])}"


def fingerprint(*parts: bytes) -> str:
    """SHA-256 in hex over the parts with their lengths: equal only when every part is equal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def of_event(stream: str, version: int) -> str:
    """How an event is named as a cause: `stream@version`."""
    return f"{stream}@{version}"

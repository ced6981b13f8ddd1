"""Both generations of the sealed ReqInf."""

from __future__ import annotations

import base64

import pytest

from banks.simulator import keys
from banks.simulator.refusals import Refused
from banks.simulator.techcombank.sealing import Generation, seal, unseal

KEY = keys.new_key()
PRIVATE, PUBLIC = keys.private_pem(KEY), keys.public_pem(KEY)


@pytest.mark.parametrize("generation", ["gcm", "cbc"])
@pytest.mark.parametrize("text", [b"", b"x" * 16, "Trả".encode()])
def test_what_is_sealed_opens(generation: Generation, text: bytes) -> None:
    assert unseal(seal(text, PUBLIC, generation), PRIVATE, generation) == text


def _spoilt(at: int) -> str:
    raw = bytearray(base64.b64decode(seal(b"<ReqInf/>", PUBLIC, "gcm")))
    raw[at] ^= 1
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("at", [0, 255, 256, 271, 272, -1])
def test_one_changed_bit_anywhere_and_it_stays_closed(at: int) -> None:
    with pytest.raises(Refused) as refusal:
        unseal(_spoilt(at), PRIVATE, "gcm")
    assert refusal.value.code == "SOA-011"


@pytest.mark.parametrize("text", ["AAAA", "!", "A" * 344, base64.b64encode(bytes(300)).decode()])
@pytest.mark.parametrize("generation", ["gcm", "cbc"])
def test_what_is_no_envelope_stays_closed(text: str, generation: Generation) -> None:
    with pytest.raises(Refused):
        unseal(text, PRIVATE, generation)

"""Techcombank's double-hashed signature and both generations of its sealed text, changed in every byte."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from contextlib import suppress
from functools import cache
from typing import get_args

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from banks.techcombank_envelope import Mode, NotSealed, canonical, opened, sealed, signature, signed_by

MODES = get_args(Mode)
INNER = '<ReqInf xmlns="urn:x"><AcctTitl>NGUYỄN VĂN A</AcctTitl></ReqInf>'.encode()


@cache
def key(number: int, bits: int = 2048) -> RSAPrivateKey:
    del number
    return generate_private_key(public_exponent=65537, key_size=bits)


def test_the_published_check_value() -> None:
    text = canonical("FundTransfer", "SOCAI-000001", "0001234567890", "NGUYEN VAN A", "2025-01-15", "200000")
    assert text == b"FundTransferSOCAI-0000010001234567890NGUYEN VAN A2025-01-15200000"
    digest = hashlib.sha256(text).digest()
    assert digest.hex() == "84de64c068f051a3c1a1da15aa8fd6ee6fc3076685db8db01dba09b25e63a73e"
    # Verified by hand: the digest is the message, and SHA256withRSA hashes it once more.
    key(1).public_key().verify(b64decode(signature(text, key(1))), digest, PKCS1v15(), hashes.SHA256())


def test_a_signature_belongs_to_one_text_and_one_key() -> None:
    text = canonical("UpdateStatus", "SOCAI.X1")
    good = signature(text, key(1))
    assert signed_by(text, good, key(1).public_key())
    assert good == signature(text, key(1)), "the same text signed twice gives the same bytes"
    assert signed_by(text, f"{good[:76]}\r\n{good[76:]}\n", key(1).public_key())
    assert not signed_by(text, good, key(2).public_key())
    assert not signed_by(text + b"0", good, key(1).public_key())
    once = b64encode(key(1).sign(text, PKCS1v15(), hashes.SHA256())).decode()
    assert not signed_by(text, once, key(1).public_key()), "hashed once is not the bank's recipe"


@pytest.mark.parametrize("given", ["", "x", "AAAA", "=", "a" * 5000, "é" * 344, "A" * 344])
def test_what_is_no_signature_is_refused(given: str) -> None:
    assert not signed_by(b"text", given, key(1).public_key())


def test_a_signature_changed_in_any_byte_is_refused() -> None:
    text = canonical("UpdateStatus", "SOCAI.X1")
    good = bytearray(b64decode(signature(text, key(1))))
    for place in range(len(good)):
        good[place] ^= 1
        assert not signed_by(text, b64encode(good).decode(), key(1).public_key())
        good[place] ^= 1


# sealed texts


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bits", [2048, 4096])
def test_what_was_sealed_opens(mode: Mode, bits: int) -> None:
    text = sealed(INNER, key(1, bits).public_key(), mode)
    assert opened(text, key(1, bits), mode) == INNER
    assert text != sealed(INNER, key(1, bits).public_key(), mode), "key and IV are new each time"
    assert opened("\n".join(text[at : at + 76] for at in range(0, len(text), 76)), key(1, bits), mode) == INNER


@pytest.mark.parametrize(("mode", "tail"), [("gcm", len(INNER) + 16), ("cbc", (len(INNER) // 16 + 1) * 16)])
def test_the_layout_is_key_then_iv_then_cipher_text(mode: Mode, tail: int) -> None:
    data = b64decode(sealed(INNER, key(1).public_key(), mode))
    assert len(data) == 256 + 16 + tail
    assert len(key(1).decrypt(data[:256], PKCS1v15())) == 32


def test_gcm_changed_in_any_byte_is_refused_with_one_answer() -> None:
    data = bytearray(b64decode(sealed(INNER, key(1).public_key(), "gcm")))
    for place in range(len(data)):
        data[place] ^= 0x80
        assert refusal(b64encode(data).decode(), "gcm") == "this cannot be opened"
        data[place] ^= 0x80
    for short in (0, 1, 255, 256, 271, 272, 287, len(data) - 1):
        assert refusal(b64encode(data[:short]).decode(), "gcm") == "this cannot be opened"


def test_cbc_padding_of_every_kind_is_refused_with_one_answer() -> None:
    secret, iv = bytes(range(32)), bytes(16)
    head = key(1).public_key().encrypt(secret, PKCS1v15()) + iv
    for last in (b"\x00", b"\x11", b"\xff", b"\x03"):
        plain = b"x" * 15 + last
        encryptor = Cipher(AES(secret), CBC(iv)).encryptor()
        body = encryptor.update(plain) + encryptor.finalize()
        assert refusal(b64encode(head + body).decode(), "cbc") == "this cannot be opened"
    for length in (0, 1, 15, 17):
        assert refusal(b64encode(head + bytes(length)).decode(), "cbc") == "this cannot be opened"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", ["", "=", "AAAA", "é", "A" * 400, "<ReqInf/>"])
def test_what_was_never_sealed_is_refused_with_one_answer(text: str, mode: Mode) -> None:
    assert refusal(text, mode) == "this cannot be opened"


@pytest.mark.parametrize("mode", MODES)
def test_what_was_sealed_for_another_key_is_refused(mode: Mode) -> None:
    text = sealed(INNER, key(2).public_key(), mode)
    with suppress(NotSealed):
        # With CBC a wrong key gives a right padding once in 256 times: then the bytes are not ours.
        assert opened(text, key(1), mode) != INNER


def test_a_key_of_another_length_is_refused() -> None:
    for length in (0, 16, 24, 31, 33):
        head = key(1).public_key().encrypt(bytes(length), PKCS1v15()) + bytes(16)
        for mode in MODES:
            assert refusal(b64encode(head + bytes(32)).decode(), mode) == "this cannot be opened"


def refusal(text: str, mode: Mode) -> str:
    with pytest.raises(NotSealed) as error:
        opened(text, key(1), mode)
    assert error.value.__cause__ is None
    return str(error.value)

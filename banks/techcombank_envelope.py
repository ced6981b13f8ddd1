"""Techcombank's signatures and its sealed `ReqInf`, chapters 5.1.1 and 5.1.2 of the bank wire specification.

A signature is made twice over: the SHA-256 digest of the canonical text is itself the message that SHA256withRSA signs.
The canonical text joins its values without a separator, so a signature alone does not say where one value ends and the
next begins; a reader has to hold every value to a shape of its own (`banks/techcombank_messages.py`).

A sealed text is Base64 of an AES-256 key under RSA (PKCS #1 v1.5), 16 bytes of IV, and the cipher text: GCM with its
tag behind, or the older CBC with padding, which protects nothing against change. What cannot be opened gives one
refusal with one text whatever was wrong with it, so that nobody learns a secret by asking.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from typing import Final, Literal, TypeAlias

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from banks.signatures import signature_bytes

Mode: TypeAlias = Literal["gcm", "cbc"]

KEY_BYTES: Final = 32
IV_BYTES: Final = 16


class NotSealed(Exception):
    """This text cannot be opened. Always the same words, whatever the cause."""

    def __init__(self) -> None:
        super().__init__("this cannot be opened")


# signatures


def canonical(operation: str, *values: str) -> bytes:
    """The text that is signed: the operation's name and its values, nothing between them."""
    return "".join((operation, *values)).encode()


def signature(text: bytes, key: RSAPrivateKey) -> str:
    """Base64 of the double-hashed signature over a canonical text."""
    return b64encode(key.sign(hashlib.sha256(text).digest(), PKCS1v15(), hashes.SHA256())).decode("ascii")


def signed_by(text: bytes, given: str, key: RSAPublicKey) -> bool:
    """Whether `given` (Base64, which may be broken into lines) is this key's signature over the canonical text."""
    try:
        raw = signature_bytes("".join(given.split()))
        key.verify(raw, hashlib.sha256(text).digest(), PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


# sealed texts


def sealed(inner: bytes, key: RSAPublicKey, mode: Mode) -> str:
    """`inner` for the owner of `key`. Key and IV are the only chance in it; nothing of it is ever put on record."""
    secret = AESGCM.generate_key(KEY_BYTES * 8)
    iv = AESGCM.generate_key(IV_BYTES * 8)
    body = AESGCM(secret).encrypt(iv, inner, None) if mode == "gcm" else _cbc_sealed(secret, iv, inner)
    return b64encode(key.encrypt(secret, PKCS1v15()) + iv + body).decode("ascii")


def opened(text: str, key: RSAPrivateKey, mode: Mode) -> bytes:
    """What was sealed for us. Raises NotSealed."""
    try:
        data = b64decode("".join(text.split()), validate=True)
        block = key.key_size // 8
        secret = key.decrypt(data[:block], PKCS1v15())
        iv, body = data[block : block + IV_BYTES], data[block + IV_BYTES :]
        if len(secret) != KEY_BYTES or len(iv) != IV_BYTES:
            raise NotSealed
        return AESGCM(secret).decrypt(iv, body, None) if mode == "gcm" else _cbc_opened(secret, iv, body)
    except (ValueError, InvalidTag):
        raise NotSealed from None


def _cbc_sealed(secret: bytes, iv: bytes, inner: bytes) -> bytes:
    padder = PKCS7(AES.block_size).padder()
    encryptor = Cipher(AES(secret), CBC(iv)).encryptor()
    return encryptor.update(padder.update(inner) + padder.finalize()) + encryptor.finalize()


def _cbc_opened(secret: bytes, iv: bytes, body: bytes) -> bytes:
    decryptor = Cipher(AES(secret), CBC(iv)).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    return unpadder.update(decryptor.update(body) + decryptor.finalize()) + unpadder.finalize()

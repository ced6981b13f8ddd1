"""The sealed ReqInf of 5.1.2 of the bank wire specification.

Base64( RSA-PKCS1v15(AES-256 key) | IV of 16 bytes | ciphertext ); ciphertext is AES/GCM with its 128-bit tag behind it,
or in the older generation AES/CBC/PKCS5Padding. [assumed]: what is sealed is a whole element ReqInf, as 5.1.3 prints
one; the Base64 stands in one line or in several.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from banks.simulator import keys
from banks.simulator.techcombank.codes import SEALING, refused

Generation = Literal["gcm", "cbc"]

KEY_BYTES: Final = 32
IV_BYTES: Final = 16
BLOCK_BITS: Final = 128


def unseal(text: str, private_pem: str, generation: Generation) -> bytes:
    """What is sealed in `text`. Raises Refused (SOA-011)."""
    key = keys.private_key(private_pem)
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        wrapped, rest = raw[: key.key_size // 8], raw[key.key_size // 8 :]
        inner = key.decrypt(wrapped, PKCS1v15())
        # With a wrong RSA block the library gives random bytes instead of an error, so their length is looked at.
        if len(inner) != KEY_BYTES or len(rest) <= IV_BYTES:
            raise ValueError("not an AES-256 key, an IV and a text")
        return _OPEN[generation](inner, rest[:IV_BYTES], rest[IV_BYTES:])
    except (binascii.Error, ValueError, InvalidTag) as fault:
        raise refused(SEALING, f"ReqInf does not open as {generation}: {type(fault).__name__}") from fault


def seal(text: bytes, public_pem: str, generation: Generation) -> str:
    """`text` sealed for the holder of the key."""
    inner, iv = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(IV_BYTES)
    wrapped = keys.public_key(public_pem).encrypt(inner, PKCS1v15())
    return base64.b64encode(wrapped + iv + _CLOSE[generation](inner, iv, text)).decode("ascii")


def _open_gcm(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    return AESGCM(key).decrypt(iv, ciphertext, None)


def _open_cbc(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    stream, padding = Cipher(AES256(key), CBC(iv)).decryptor(), PKCS7(BLOCK_BITS).unpadder()
    return padding.update(stream.update(ciphertext) + stream.finalize()) + padding.finalize()


def _close_gcm(key: bytes, iv: bytes, text: bytes) -> bytes:
    return AESGCM(key).encrypt(iv, text, None)


def _close_cbc(key: bytes, iv: bytes, text: bytes) -> bytes:
    stream, padding = Cipher(AES256(key), CBC(iv)).encryptor(), PKCS7(BLOCK_BITS).padder()
    return stream.update(padding.update(text) + padding.finalize()) + stream.finalize()


_OPEN: Final[dict[Generation, Callable[[bytes, bytes, bytes], bytes]]] = {"gcm": _open_gcm, "cbc": _open_cbc}
_CLOSE: Final[dict[Generation, Callable[[bytes, bytes, bytes], bytes]]] = {"gcm": _close_gcm, "cbc": _close_cbc}

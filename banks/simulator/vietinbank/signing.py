"""Plain texts and signatures (4.1): values joined without a separator, empty ones skipped, Base64 of RSA PKCS #1 v1.5.

The ERP family and the notification use SHA-256, the disbursement family SHA-1, which is the bank's choice.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from banks.simulator import keys

Digest = Literal["sha1", "sha256"]
DIGESTS: Final = {"sha1": SHA1(), "sha256": SHA256()}  # noqa: S303 - the bank's choice


def plain(*values: str) -> str:
    """What is signed for these values."""
    return "".join(values)


def sign(text: str, private_pem: str, digest: Digest = "sha256") -> str:
    """The signature over a plain text."""
    return base64.b64encode(keys.private_key(private_pem).sign(text.encode(), PKCS1v15(), DIGESTS[digest])).decode()


def holds(signature: str, text: str, public_pem: str, digest: Digest = "sha256") -> bool:
    """Whether `signature` is that of the owner of `public_pem` over a plain text."""
    try:
        raw = base64.b64decode(signature, validate=True)
        keys.public_key(public_pem).verify(raw, text.encode(), PKCS1v15(), DIGESTS[digest])
    except (binascii.Error, InvalidSignature):
        return False
    return True

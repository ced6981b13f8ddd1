"""Whether a payment order was authorized: the signing recipe of 2.1.5 of the bank wire specification, read backwards.

1 compact JSON of `data`, keys as received · 2 Base64 · 3 SHA-256 · 4 lower-case hex · 5 UTF-16LE · 6 CMS · 7 Base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from banks.simulator.acb import cms
from banks.simulator.acb.codes import bad_format, mismatch
from banks.simulator.acb.der import BadDer


class Authorization(NamedTuple):
    """One entry of `authorizations`: the signer's id and the Base64 of the CMS message."""

    id: str
    string: str


def digest_text(data: Mapping[str, object]) -> str:
    """Recipe steps 1-4: the 64 hex characters that are signed for `data`."""
    compact = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return hashlib.sha256(base64.b64encode(compact)).hexdigest()


def certificates(pems: Mapping[str, str]) -> dict[str, bytes]:
    """Authorization id -> DER of the registered certificate, from PEM texts. Raises ValueError for a broken one."""
    return {
        signer: x509.load_pem_x509_certificate(pem.encode("ascii")).public_bytes(Encoding.DER)
        for signer, pem in pems.items()
    }


def check(data: Mapping[str, object], given: Sequence[Authorization], registered: Mapping[str, bytes]) -> None:
    """Two different registered signers must each have signed exactly `data`.

    Raises Refused: 400 for a string that is no Base64 CMS message, 289 for every signature that does not hold.
    """
    if len({authorization.id for authorization in given}) != len(given):
        raise mismatch("both authorizations name the same signer: maker and checker must differ")
    content = digest_text(data).encode("utf-16-le")
    for authorization in given:
        _check_one(authorization, content, registered)


def _check_one(authorization: Authorization, content: bytes, registered: Mapping[str, bytes]) -> None:
    who = f"authorization {authorization.id}"
    try:
        signed = cms.read(base64.b64decode(authorization.string, validate=True))
    except (BadDer, binascii.Error, IndexError) as fault:
        raise bad_format(
            f"{who}: authorizationString is not the Base64 of a CMS SignedData message: {fault}"
        ) from fault
    certificate = registered.get(authorization.id)
    if certificate is None:
        raise mismatch(f"{who} is not registered")
    if not hmac.compare_digest(signed.certificate, certificate):
        raise mismatch(f"{who}: the enclosed certificate is not the registered one")
    if not hmac.compare_digest(signed.content, content):
        raise mismatch(f"{who}: signed over other data than was sent (digest, key order or encoding differ)")
    try:
        cms.verify(signed)
    except (cms.BadSignature, BadDer) as fault:
        raise mismatch(f"{who}: {fault}") from fault

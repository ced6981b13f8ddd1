"""The signature of 5.1.1 of the bank wire specification: SHA-256 of the canonical text, signed with SHA256withRSA.

The digest itself is the message that is signed, so the text is hashed twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from banks.simulator import keys
from banks.simulator.techcombank.codes import SIGNATURE, SIGNATURE_SETUP, refused


class Signature(NamedTuple):
    """Sgntr1 or Sgntr2: the attribute `user` and the Base64 text."""

    user: str
    text: str


class Signatory(NamedTuple):
    """Who may sign in one place."""

    user: str
    key: RSAPublicKey


def fund_transfer(id_: str, account: str, holder: str, day: str, amount: str) -> str:
    """Canonical text of XferReq; account and holder are the beneficiary's."""
    return f"FundTransfer{id_}{account}{holder}{day}{amount}"


def account_enquiry(request: str, service: str, client: str, role: str, override: str, account: str) -> str:
    """Canonical text of AcctInqRq."""
    return f"AcctInq{request}{service}{client}{role}{override}{account}"


def status_enquiry(id_: str, transaction: str) -> str:
    """Canonical text of InqTxStsReq."""
    return f"InqTransactionStatus{id_}{transaction}"


def update_status(part_id: str, channel: str, status: str, code: str) -> str:
    """Canonical text of UpdateStatusReq; `part_id` is PARTNER.<the customer's id>."""
    return f"UpdateStatus{part_id}{channel}{status}{code}"


def digest(canonical: str) -> bytes:
    """The 32 bytes that are signed for `canonical`."""
    return hashlib.sha256(canonical.encode("utf-8")).digest()


def sign(canonical: str, private_pem: str) -> str:
    """The bank's own signature, Base64."""
    signature = keys.private_key(private_pem).sign(digest(canonical), PKCS1v15(), SHA256())
    return base64.b64encode(signature).decode("ascii")


def check(canonical: str, given: Sequence[Signature], wanted: Sequence[Signatory]) -> None:
    """Each of `wanted` must have signed `canonical` in his place, nobody else. Raises Refused (SOA-008, SOA-009)."""
    if [signature.user for signature in given] != [signatory.user for signatory in wanted]:
        users = ", ".join(signatory.user for signatory in wanted)
        raise refused(SIGNATURE_SETUP, f"must be signed by {users}, in this order, each once")
    for signature, signatory in zip(given, wanted, strict=True):
        check_text(canonical, signature.text, signatory)


def check_text(canonical: str, text: str, signatory: Signatory) -> None:
    """`text` must be this person's signature over `canonical`. Raises Refused (SOA-008)."""
    try:
        signatory.key.verify(_bytes(text), digest(canonical), PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error) as fault:
        raise refused(SIGNATURE, f"the signature of {signatory.user} does not hold") from fault


def _bytes(text: str) -> bytes:
    """Exactly one text stands for these bytes: bits that a decoder overlooks are refused. Raises binascii.Error."""
    found = base64.b64decode(text, validate=True)
    if base64.b64encode(found).decode("ascii") != text:
        raise binascii.Error("not the Base64 of any bytes")
    return found

"""Techcombank's side as the tests need it: its keys, its recorded messages, and its signature made from first words."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from banks.bank import Beneficiary, TransferOrder
from banks.techcombank_envelope import Mode
from banks.techcombank_orders import Party, Signatory
from ledger.money import Money

ID = "SOCAI000000001"
ACCOUNT_NUMBER = "19012345678901"
HOLDER = "Công ty TNHH Socai"

ORDER = TransferOrder(
    end_to_end_id=ID,
    rail="napas",
    beneficiary=Beneficiary("970415", "0001234567890", "Nguyễn Văn A"),
    amount=Money(200_000),
    memo="Chi trả",
)


@cache
def key(name: str) -> RSAPrivateKey:
    """One key for each name: maker, checker, bank (opens what we seal), signing and older (sign callbacks), ours."""
    del name
    return generate_private_key(public_exponent=65537, key_size=2048)


def party(mode: Mode = "gcm", *, signatories: int = 2) -> Party:
    people = (Signatory("SOCAI1", key("maker")), Signatory("SOCAI2", key("checker")))
    return Party(
        partner="SOCAI",
        channel="H2H",
        signatories=people[:signatories],
        bank_key=key("bank").public_key(),
        mode=mode,
    )


def recorded(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def double_hashed(text: str, by: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return b64encode(key(by).sign(digest, PKCS1v15(), hashes.SHA256())).decode()


def update(*, by: str = "signing", text: str | None = None, **values: str) -> bytes:
    """The recorded callback with other values, signed as the bank does; `text` is signed instead when given."""
    body = recorded("update_status.xml")
    for name, value in values.items():
        head, _, tail = body.partition(f"<v1:{name}>")
        body = f"{head}<v1:{name}>{value}<{tail.partition('<')[2]}"
    signed = [re.search(rf"<v1:{name}>([^<]*)<", body) for name in ("PartID", "Channel", "TxnSts", "TxnStsRemark")]
    text = "UpdateStatus" + "".join(one[1] for one in signed if one) if text is None else text
    return body.replace("@signature@", double_hashed(text, by)).encode()

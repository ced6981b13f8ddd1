"""VietinBank's side as the tests need it: keys, what it gave us, and the examples of chapter 4 of the specification."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from banks.accounts import BankAccount
from banks.bank import Beneficiary, TransferOrder
from banks.vietinbank_credentials import VietinbankCredentials
from ledger.money import Money
from ledger.settings import Secret

ID = "SOCAI000000001"
ACCOUNT_NUMBER = "110000000001"

ORDER = TransferOrder(
    end_to_end_id=ID,
    rail="napas",
    beneficiary=Beneficiary("970416", "12345678", "Nguyễn Văn (A)"),
    amount=Money(200_000),
    memo="Chi trả [1]",
)


@cache
def key(name: str) -> RSAPrivateKey:
    """One key for each name: ours, bank, older (another of the bank's), stranger."""
    del name
    return generate_private_key(public_exponent=65537, key_size=2048)


def given() -> VietinbankCredentials:
    return VietinbankCredentials(
        client_id="planted-client-id",
        client_secret=Secret("planted-client-secret"),
        provider_id="SOCAI",
        merchant_id="",
        software_provider_id="ERP-SOCAI",
        approver="checker1",
        appointed_approver="maker1",
        client_ip="203.0.113.7",
        sender_address="Số 1 Phố Huế",
        fee_account="",
        private_key=key("ours"),
        bank_keys=(key("bank").public_key(), key("older").public_key()),
    )


def account(base_url: str = "https://bank.example") -> BankAccount:
    return BankAccount(
        id="ba_vietinbank_main",
        bank="vietinbank",
        account_number=ACCOUNT_NUMBER,
        holder="Cty TNHH Socai",
        base_url=f"{base_url}/vtb",
        credentials=given(),
    )


def told(name: str, **changes: object) -> dict[str, Any]:
    """A recorded JSON object with other fields."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return found | changes


def row(name: str, **changes: object) -> dict[str, Any]:
    """The only row of a recorded statement, with other fields."""
    (only,) = told(name)["records"]
    return dict(only | changes)


def bank_signed(text: str, digest: hashes.HashAlgorithm, by: str = "bank") -> str:
    return b64encode(key(by).sign(text.encode(), PKCS1v15(), digest)).decode()


NOTICE_TEXT = (
    "VTB20250115000001"
    "20250115103000"
    "SOCAI"
    "CTY TNHH SOCAI"
    "110000000001"
    "150000"
    "15150000"
    "00"
    "523320101151"
    "CT DEN:523320101151 SOCAI7K3M9Q2X"
)
"""What is signed of the recorded notice, as 4.1.6 tells: the values in order, with nothing between them."""


def notice(
    record: Mapping[str, object] = MappingProxyType({}),
    *,
    header: Mapping[str, object] = MappingProxyType({}),
    text: str = NOTICE_TEXT,
    by: str = "bank",
) -> bytes:
    """The recorded notice with other fields; signed is `text`, whatever the record says."""
    found = told("notice.json")
    found["header"] |= {"signature": bank_signed(text, hashes.SHA256(), by)} | dict(header)
    found["data"]["records"][0] |= dict(record)
    return json.dumps(found, ensure_ascii=False).encode()

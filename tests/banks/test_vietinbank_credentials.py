"""The fields of a VietinBank account in the accounts file: every fault named, no secret in any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from banks.accounts import BankAccount, read_accounts
from banks.vietinbank_credentials import VietinbankCredentials
from ledger.errors import InvalidBankAccounts
from tests.banks.vietinbank.wire import key


def private_pem(private: RSAPrivateKey) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(private: RSAPrivateKey) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read(directory: Path, **fields: object) -> BankAccount:
    whole = {
        "id": "ba_vietinbank_main",
        "bank": "vietinbank",
        "account_number": "110000000001",
        "holder": "CTY TNHH SOCAI",
        "base_url": "https://api.example/vtb/public",
        "client_id": "planted-client-id",
        "client_secret": "planted-client-secret",
        "provider_id": "SOCAI",
        "software_provider_id": "ERP-SOCAI",
        "approver": "checker1",
        "appointed_approver": "maker1",
        "client_ip": "203.0.113.7",
        "private_key_pem": private_pem(key("ours")),
        "bank_public_key_pem": [public_pem(key("bank")), public_pem(key("older"))],
    } | fields
    left = {name: value for name, value in whole.items() if value != "left out"}
    path = directory / "accounts.json"
    path.write_text(json.dumps({"bank_accounts": [left]}), encoding="utf-8")
    return read_accounts(path, {"vietinbank": VietinbankCredentials})["ba_vietinbank_main"]


def test_an_account_is_read_whole(tmp_path: Path) -> None:
    given = read(tmp_path).credentials_as(VietinbankCredentials)
    assert (given.client_id, given.client_secret.reveal()) == ("planted-client-id", "planted-client-secret")
    assert (given.provider_id, given.software_provider_id) == ("SOCAI", "ERP-SOCAI")
    assert (given.approver, given.appointed_approver, given.client_ip) == ("checker1", "maker1", "203.0.113.7")
    assert (given.merchant_id, given.sender_address, given.fee_account) == ("", "", "")
    assert given.private_key.public_key() == key("ours").public_key()
    assert [*given.bank_keys] == [key("bank").public_key(), key("older").public_key()]


def test_what_may_be_left_out_may_also_be_given(tmp_path: Path) -> None:
    more = {"merchant_id": "M1", "sender_address": "Số 1 Phố Huế", "fee_account": "9", "client_ip": "2001:db8::7"}
    given = read(tmp_path, **more).credentials_as(VietinbankCredentials)
    assert (given.merchant_id, given.sender_address, given.fee_account) == ("M1", "Số 1 Phố Huế", "9")
    assert given.client_ip == "2001:db8::7"


def test_an_account_shows_no_secret(tmp_path: Path) -> None:
    account = read(tmp_path)
    for text in (repr(account), str(account), repr(account.credentials), str(account.credentials)):
        assert not [word for word in ("planted", "checker1", "110000000001", "PRIVATE", "203.0") if word in text]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client_id", "left out"),
        ("client_secret", "left out"),
        ("client_secret", "planted\n"),
        ("provider_id", "left out"),
        ("provider_id", "so cai"),
        ("merchant_id", ""),
        ("merchant_id", 5),
        ("software_provider_id", "left out"),
        ("approver", "left out"),
        ("appointed_approver", ""),
        ("client_ip", "left out"),
        ("client_ip", "planted.example"),
        ("sender_address", "planted\nplanted"),
        ("fee_account", "planted-account"),
        ("private_key_pem", "left out"),
        ("private_key_pem", "planted"),
        ("private_key_pem", public_pem(key("ours"))),
        ("bank_public_key_pem", "left out"),
        ("bank_public_key_pem", []),
        ("bank_public_key_pem", ["planted"]),
        ("bank_public_key_pem", [public_pem(key("bank"))] * 3),
        ("webhook_key", "planted-webhook-key"),
    ],
)
def test_a_fault_names_its_place_and_quotes_nothing(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(InvalidBankAccounts) as refusal:
        read(tmp_path, **{field: value})
    assert f"bank_accounts[0].{field}" in refusal.value.detail
    assert "planted" not in refusal.value.detail
    assert "PRIVATE" not in refusal.value.detail

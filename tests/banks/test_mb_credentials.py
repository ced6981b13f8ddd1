"""The fields of an MB account in the accounts file: every fault named, no secret in any."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from banks.mb_credentials import MbCredentials
from banks.registry import load_accounts
from tests.banks.mb.rig import key
from tests.banks.test_accounts import fault, written


def entry(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "id": "ba_mb_main",
        "bank": "mb",
        "account_number": "0009990001234",
        "holder": "CTY TNHH SOCAI",
        "base_url": "https://api-private.bank.example/private",
        "client_id": "client",
        "client_secret": "planted-client-secret",
        "channel_code": "SOCAI",
        "business_code": "CHI",
        "private_key_pem": key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "push_username": "mb",
        "push_password": "planted-push-password",
        "webhook_key": "planted-webhook-key",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def read(tmp_path: Path, **changes: object) -> MbCredentials:
    return load_accounts(written(tmp_path, entry(**changes)))["ba_mb_main"].credentials_as(MbCredentials)


@pytest.mark.parametrize("bank", ["mb", "mbdn"])
def test_the_fields_are_read(tmp_path: Path, bank: str) -> None:
    found = read(tmp_path, bank=bank)
    assert (found.channel_code, found.business_code, found.synchronous) == ("SOCAI", "CHI", False)
    assert found.private_key.public_key() == key().public_key()
    assert found.mms_access_keys == ()
    assert not [text for text in ("planted", "'client'", "'mb'") if text in repr(found)]


def test_keys_may_stand_side_by_side_and_transfers_may_be_synchronous(tmp_path: Path) -> None:
    two = ["planted-key-new-12345", "planted-key-old-12345"]
    found = read(tmp_path, webhook_key=two, mms_access_key=two, transfers="sync")
    assert [one.reveal() for one in found.webhook_keys] == two
    assert [one.reveal() for one in found.mms_access_keys] == two
    assert found.synchronous


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client_id", None),
        ("client_id", "with:colon"),
        ("client_secret", None),
        ("channel_code", "lower"),
        ("business_code", "A" * 17),
        ("private_key_pem", "planted"),
        ("push_username", "with:colon"),
        ("push_password", "short"),
        ("push_password", None),
        ("webhook_key", ["planted-webhook-key"] * 3),
        ("webhook_key", None),
        ("mms_access_key", "short"),
        ("transfers", "perhaps"),
        ("surprise", "planted"),
    ],
)
def test_a_fault_names_its_place_and_quotes_nothing(tmp_path: Path, field: str, value: object) -> None:
    assert f"bank_accounts[0].{field}" in fault(tmp_path, entry(**{field: value}))

"""The fields of an ACB account in the accounts file: every fault named, no secret in any."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from banks.acb_credentials import AcbCredentials
from banks.registry import load_accounts
from tests.banks.test_accounts import entry, fault, pems, written


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token_url", ""),
        ("client_secret", ""),
        ("client_secret", "planted\nplanted"),
        ("webhook_key", "short"),
        ("webhook_key", []),
        ("webhook_key", ["planted-webhook-key"] * 3),
        ("webhook_key", ["planted-webhook-key", 5]),
        ("webhook_key", None),
        ("signers", "x"),
        ("signers", [1]),
        ("signers", [{}, {}, {}]),
        ("signers", [{"authorization_id": "a", "private_key_pem": "planted", "certificate_pem": "planted"}]),
        ("signers", [pems(1), pems(1)]),
        ("signers", [pems(1, certificate=2)]),
    ],
)
def test_a_fault_names_its_place_and_quotes_nothing(tmp_path: Path, field: str, value: object) -> None:
    assert f"bank_accounts[0].{field}" in fault(tmp_path, entry(**{field: value}))


def test_two_webhook_keys_may_stand_side_by_side(tmp_path: Path) -> None:
    keys = ["planted-webhook-key-new", "planted-webhook-key-old"]
    account = load_accounts(written(tmp_path, entry(webhook_key=keys)))["ba_acb_main"]
    assert [key.reveal() for key in account.credentials_as(AcbCredentials).webhook_keys] == keys


def test_a_key_that_is_not_rsa_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert "not an RSA key" in fault(tmp_path, entry(signers=[pems(1) | {"private_key_pem": key.decode()}]))

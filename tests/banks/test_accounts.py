"""The file of our bank accounts: every fault at once, no secret in any of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from banks.accounts import load_accounts
from ledger.errors import InvalidBankAccounts
from tests.banks.acb.rig import signer

Entry = dict[str, object]


def pems(number: int, certificate: int | None = None) -> Entry:
    key = signer(number).private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = signer(certificate or number).certificate.public_bytes(serialization.Encoding.PEM)
    return {"authorization_id": f"s{number}", "private_key_pem": key.decode(), "certificate_pem": shown.decode()}


def entry(**fields: object) -> Entry:
    return {
        "id": "ba_acb_main",
        "bank": "acb",
        "account_number": "12345678",
        "holder": "CÔNG TY SOCAI",
        "base_url": "https://openapi.example/acb/open/",
        "token_url": "http://127.0.0.1:8081/token",
        "client_id": "client",
        "client_secret": "planted-secret",
        "provider_id": "provider",
        "webhook_key": "planted-webhook-key",
        "signers": [pems(1), pems(2)],
    } | fields


def written(directory: Path, *entries: object) -> Path:
    path = directory / "accounts.json"
    path.write_text(json.dumps({"bank_accounts": list(entries)}), encoding="utf-8")
    return path


def fault(directory: Path, *entries: object) -> str:
    with pytest.raises(InvalidBankAccounts) as refusal:
        load_accounts(written(directory, *entries))
    assert "planted" not in refusal.value.detail
    assert "PRIVATE" not in refusal.value.detail
    return refusal.value.detail


def test_an_account_is_loaded_under_its_id(tmp_path: Path) -> None:
    account = load_accounts(written(tmp_path, entry()))["ba_acb_main"]
    assert (account.bank, account.account_number, account.base_url) == (
        "acb",
        "12345678",
        "https://openapi.example/acb/open",
    )
    assert [one.authorization_id for one in account.signers] == ["s1", "s2"]
    assert account.client_secret.reveal() == "planted-secret"


def test_two_webhook_keys_may_stand_side_by_side(tmp_path: Path) -> None:
    keys = ["planted-webhook-key-new", "planted-webhook-key-old"]
    account = load_accounts(written(tmp_path, entry(webhook_key=keys)))["ba_acb_main"]
    assert [key.reveal() for key in account.webhook_keys] == keys


def test_an_account_shows_no_secret_and_no_number(tmp_path: Path) -> None:
    account = load_accounts(written(tmp_path, entry()))["ba_acb_main"]
    for text in (repr(account), str(account), repr(account.signers), f"{account.client_secret}"):
        assert not [word for word in ("planted", "12345678", "SOCAI", "PRIVATE") if word in text]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x"),
        ("id", None),
        ("bank", "A CB"),
        ("account_number", 12345678),
        ("account_number", "12 34"),
        ("holder", ""),
        ("base_url", "http://openapi.example/acb"),
        ("base_url", "ftp://x"),
        ("base_url", "https://planted:planted@bank.example"),
        ("base_url", "https://bank.example/?q=planted"),
        ("base_url", "https://"),
        ("base_url", "https://[x"),
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
        ("surplus", "planted"),
    ],
)
def test_a_fault_names_its_place_and_quotes_nothing(tmp_path: Path, field: str, value: object) -> None:
    assert f"bank_accounts[0].{field}" in fault(tmp_path, entry(**{field: value}))


def test_a_key_that_is_not_rsa_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert "not an RSA key" in fault(tmp_path, entry(signers=[pems(1) | {"private_key_pem": key.decode()}]))


def test_all_faults_of_all_accounts_are_told_together(tmp_path: Path) -> None:
    said = fault(tmp_path, entry(bank="", client_secret=""), "x", entry(), entry())
    for place in ("[0].bank", "[0].client_secret", "[1] is not an object", "[3].id stands there twice"):
        assert place in said


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"bank_accounts":[]}', '{"bank_accounts":{},"bank_accounts":[]}'])
def test_a_file_that_is_no_list_of_accounts_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(text)
    with pytest.raises(InvalidBankAccounts):
        load_accounts(path)


def test_a_missing_file_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InvalidBankAccounts, match="SOCAI_BANK_ACCOUNTS"):
        load_accounts(tmp_path / "absent.json")


def test_plain_http_is_for_this_machine_and_its_neighbours_only(tmp_path: Path) -> None:
    for host in ("localhost:8081", "127.0.0.1:1", "simulator:8081"):
        assert load_accounts(written(tmp_path, entry(base_url=f"http://{host}/acb/open")))

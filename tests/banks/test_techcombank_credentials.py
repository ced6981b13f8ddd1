"""The fields of a Techcombank account in the accounts file: every fault named, no secret in any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from banks.accounts import BankAccount
from banks.registry import load_accounts
from banks.techcombank_credentials import TechcombankCredentials
from ledger.errors import InvalidBankAccounts
from tests.banks.techcombank.wire import key
from tests.banks.test_transport_tls import identity


def pem(private: RSAPrivateKey) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate(name: str) -> str:
    return identity(name)[0].public_bytes(Encoding.PEM).decode()


def entry(**fields: object) -> dict[str, object]:
    whole = {
        "id": "ba_techcombank_main",
        "bank": "techcombank",
        "account_number": "19012345678901",
        "holder": "CTY TNHH SOCAI",
        "base_url": "https://api.example:446/Partner2TCB",
        "partner": "SOCAI",
        "channel": "H2H",
        "username": "srv_socai",
        "password": "planted-password",
        "envelope": "gcm",
        "signers": [
            {"user": "SOCAI1", "private_key_pem": pem(key("maker"))},
            {"user": "SOCAI2", "private_key_pem": pem(key("checker"))},
        ],
        "bank_certificate_pem": certificate("bank"),
        "bank_signing_certificate_pem": [certificate("bank"), certificate("stranger")],
        "client_certificate_pem": certificate("partner"),
        "client_key_pem": pem(identity("partner")[1]),
    } | fields
    return {name: value for name, value in whole.items() if value != "left out"}


def read(directory: Path, **fields: object) -> BankAccount:
    path = directory / "accounts.json"
    path.write_text(json.dumps({"bank_accounts": [entry(**fields)]}), encoding="utf-8")
    return load_accounts(path)["ba_techcombank_main"]


def test_an_account_is_read_whole(tmp_path: Path) -> None:
    given = read(tmp_path).credentials_as(TechcombankCredentials)
    assert (given.party.partner, given.party.channel, given.party.mode) == ("SOCAI", "H2H", "gcm")
    assert [one.user for one in given.party.signatories] == ["SOCAI1", "SOCAI2"]
    assert given.party.bank_key == identity("bank")[1].public_key()
    assert [*given.bank_signing_keys] == [identity(name)[1].public_key() for name in ("bank", "stranger")]
    assert given.client_certificate == identity("partner")[0]
    assert given.client_key is not None
    assert (given.authority, given.opening_key) == (None, None)
    assert (given.username, given.password.reveal()) == ("srv_socai", "planted-password")


def test_what_may_be_left_out_may_also_be_given(tmp_path: Path) -> None:
    more = {"ca_pem": certificate("bank"), "opening_key_pem": pem(key("ours"))}
    given = read(tmp_path, **more, envelope="cbc", signers=[entry()["signers"][0]]).credentials_as(  # type: ignore[index]  # a list, above
        TechcombankCredentials
    )
    assert given.authority == identity("bank")[0]
    assert given.opening_key is not None
    assert (given.party.mode, len(given.party.signatories)) == ("cbc", 1)


def test_a_simulator_beside_us_may_be_met_without_tls(tmp_path: Path) -> None:
    fields = {"client_certificate_pem": "left out", "client_key_pem": "left out"}
    given = read(tmp_path, **fields, base_url="http://simulator:8085/x").credentials_as(TechcombankCredentials)
    assert (given.client_certificate, given.client_key) == (None, None)


def test_an_account_shows_no_secret(tmp_path: Path) -> None:
    account = read(tmp_path)
    for text in (repr(account), str(account), repr(account.credentials), str(account.credentials)):
        assert not [word for word in ("planted", "srv_socai", "19012345678901", "PRIVATE") if word in text]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("partner", "left out"),
        ("partner", "so cai"),
        ("channel", ""),
        ("username", "srv:socai"),
        ("username", ""),
        ("password", "left out"),
        ("password", "planted\n"),
        ("envelope", "ecb"),
        ("envelope", "gcm|cbc"),
        ("envelope", 5),
        ("signers", "left out"),
        ("signers", []),
        ("signers", [{}, {}, {}]),
        ("signers", [{"user": "X", "private_key_pem": "planted"}]),
        ("signers", [{"user": "", "private_key_pem": pem(key("maker"))}]),
        ("signers", [{"user": "X", "private_key_pem": pem(key("maker")), "surplus": "planted"}]),
        ("signers", [{"user": "X", "private_key_pem": pem(key("maker"))}] * 2),
        ("bank_certificate_pem", "left out"),
        ("bank_certificate_pem", "planted"),
        ("bank_signing_certificate_pem", "left out"),
        ("bank_signing_certificate_pem", []),
        ("client_certificate_pem", "left out"),
        ("client_certificate_pem", certificate("stranger")),
        ("client_key_pem", "left out"),
        ("client_key_pem", "planted"),
        ("ca_pem", "planted"),
        ("opening_key_pem", "planted"),
        ("webhook_key", "planted-webhook-key"),
    ],
)
def test_a_fault_names_its_place_and_quotes_nothing(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(InvalidBankAccounts) as refusal:
        read(tmp_path, **{field: value})
    assert f"bank_accounts[0].{field}" in refusal.value.detail
    assert "planted" not in refusal.value.detail
    assert "PRIVATE" not in refusal.value.detail


def test_a_real_bank_wants_the_client_certificate(tmp_path: Path) -> None:
    with pytest.raises(InvalidBankAccounts, match="client_certificate_pem is missing"):
        read(tmp_path, client_certificate_pem="left out", client_key_pem="left out")

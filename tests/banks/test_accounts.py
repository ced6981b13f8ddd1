"""The file of our bank accounts: every fault at once, no secret in any of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from banks.acb_credentials import AcbCredentials
from banks.accounts import Credentials, read_accounts
from banks.accounts import Entry as FileEntry
from banks.registry import load_accounts
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
    credentials = account.credentials_as(AcbCredentials)
    assert [one.authorization_id for one in credentials.signers] == ["s1", "s2"]
    assert credentials.client_secret.reveal() == "planted-secret"


def test_an_account_shows_no_secret_and_no_number(tmp_path: Path) -> None:
    account = load_accounts(written(tmp_path, entry()))["ba_acb_main"]
    for text in (repr(account), str(account), repr(account.credentials), str(account.credentials)):
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
        ("surplus", "planted"),
    ],
)
def test_a_fault_names_its_place_and_quotes_nothing(tmp_path: Path, field: str, value: object) -> None:
    assert f"bank_accounts[0].{field}" in fault(tmp_path, entry(**{field: value}))


def test_a_bank_there_is_no_adapter_for_is_told_with_the_codes_there_are(tmp_path: Path) -> None:
    said = fault(tmp_path, entry(bank="nobank"))
    assert "bank_accounts[0].bank is none of acb" in said
    assert said.count("bank_accounts[0]") == 1, "which other fields belong there cannot be said"


def test_the_credentials_of_another_bank_are_refused(tmp_path: Path) -> None:
    class Others(Credentials):
        @classmethod
        def read(cls, entry: FileEntry) -> Others:
            return cls()

    account = load_accounts(written(tmp_path, entry()))["ba_acb_main"]
    with pytest.raises(InvalidBankAccounts, match="another bank"):
        account.credentials_as(Others)


class Keys(Credentials):
    """A bank that wants public keys of its own and may leave one field out."""

    def __init__(self, one: object, two: tuple[object, ...], *, extra: bool) -> None:
        self.one, self.two, self.extra = one, two, extra

    @classmethod
    def read(cls, entry: FileEntry) -> Keys:
        extra = entry.optional("extra") and bool(entry.secret("extra"))
        return cls(entry.public_key("one_pem"), entry.public_keys("two_pem"), extra=extra)


def keys_of(directory: Path, **fields: object) -> Keys:
    common = {name: entry()[name] for name in ("id", "account_number", "holder", "base_url")}
    path = written(directory, common | {"bank": "keys"} | fields)
    return read_accounts(path, {"keys": Keys})["ba_acb_main"].credentials_as(Keys)


def public_pem(number: int) -> str:
    return (
        signer(number)
        .private_key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def test_a_public_key_is_read_bare_or_from_a_certificate(tmp_path: Path) -> None:
    shown = str(pems(2)["certificate_pem"])
    read = keys_of(tmp_path, one_pem=public_pem(1), two_pem=[shown, public_pem(1)])
    assert read.one == signer(1).private_key.public_key()
    assert read.two == (signer(2).private_key.public_key(), signer(1).private_key.public_key())
    assert not read.extra
    assert keys_of(tmp_path, one_pem=shown, two_pem=shown, extra="x").extra


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("one_pem", None),
        ("one_pem", "planted"),
        ("one_pem", "-----BEGIN planted"),
        ("one_pem", pems(1)["private_key_pem"]),
        ("one_pem", 5),
        ("two_pem", []),
        ("two_pem", [public_pem(1)] * 3),
        ("two_pem", [public_pem(1), "planted"]),
        ("extra", ""),
        ("extra", "planted\n"),
        ("extra", 5),
    ],
)
def test_what_is_no_public_key_is_told(tmp_path: Path, field: str, value: object) -> None:
    fields: dict[str, object] = {"one_pem": public_pem(1), "two_pem": public_pem(1)} | {field: value}
    with pytest.raises(InvalidBankAccounts) as refusal:
        keys_of(tmp_path, **fields)
    assert f"bank_accounts[0].{field}" in refusal.value.detail
    assert "planted" not in refusal.value.detail


def test_a_public_key_that_is_not_rsa_is_refused(tmp_path: Path) -> None:
    key = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(InvalidBankAccounts, match="not an RSA key"):
        keys_of(tmp_path, one_pem=key.decode(), two_pem=public_pem(1))


FEED = {"source": "sepay", "key": ["planted-feed-key-new", "planted-feed-key-old"]}


def test_an_account_may_name_its_feed(tmp_path: Path) -> None:
    account = load_accounts(written(tmp_path, entry(feed=FEED)))["ba_acb_main"]
    assert account.feed is not None
    assert account.feed.source == "sepay"
    assert [key.reveal() for key in account.feed.keys] == FEED["key"]
    assert "planted" not in repr(account) + str(account.feed)
    assert load_accounts(written(tmp_path, entry()))["ba_acb_main"].feed is None


@pytest.mark.parametrize(
    ("field", "feed"),
    [
        ("feed is not an object", "planted"),
        ("feed is not an object", []),
        ("feed.source is missing; it holds one of casso, cassov1, payos, sepay", {}),
        ("feed.source is none of casso, cassov1, payos, sepay", FEED | {"source": "planted"}),
        ("feed.source", FEED | {"source": 5}),
        ("feed.key", {"source": "sepay"}),
        ("feed.key", FEED | {"key": "planted"}),
        ("feed.key", FEED | {"key": ["planted-feed-key-new"] * 3}),
        ("feed.surplus", FEED | {"surplus": "planted"}),
    ],
)
def test_a_fault_of_a_feed_names_its_place(tmp_path: Path, field: str, feed: object) -> None:
    assert f"bank_accounts[0].{field}" in fault(tmp_path, entry(feed=feed))


def test_all_faults_of_all_accounts_are_told_together(tmp_path: Path) -> None:
    said = fault(tmp_path, entry(holder="", client_secret=""), "x", entry(), entry(), entry(bank="no-bank"))
    for place in ("[0].holder", "[0].client_secret", "[4].bank", "[1] is not an object", "[3].id stands there twice"):
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

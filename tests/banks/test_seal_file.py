"""The accounts file sealed in place, and the programs that read it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from banks.acb_credentials import AcbCredentials
from banks.registry import load_accounts, open_banks
from banks.seal_file import rotate_master, seal_file
from banks.sealing import Sealer
from banks.transport import Transport
from ledger.errors import InvalidBankAccounts, SignatureInvalid
from tests.banks.test_accounts import entry, written

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NEXT_KEY = "planted-webhook-key-of-tomorrow"
FEED = {"source": "sepay", "key": "planted-feed-key-1"}

SEALER = Sealer([OLD], secrets.token_bytes)


def content(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def replaced(path: Path, **fields: object) -> None:
    """An operator writes all credentials anew, beside what is sealed."""
    document = content(path)
    document["bank_accounts"][0] |= entry(**fields)
    path.write_text(json.dumps(document), encoding="utf-8")


def client_secret(path: Path, sealer: Sealer = SEALER) -> str:
    account = load_accounts(path, sealer)["ba_acb_main"]
    return account.credentials_as(AcbCredentials).client_secret.reveal()


def test_a_sealed_file_is_the_same_accounts_and_shows_no_secret(tmp_path: Path) -> None:
    path = written(tmp_path, entry(feed=FEED), entry(id="ba_acb_second"))
    path.chmod(0o640)
    assert seal_file(path, SEALER, NOW, DAY) == 2
    assert "planted" not in path.read_text()
    assert "PRIVATE" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    accounts = load_accounts(path, SEALER)
    assert list(accounts) == ["ba_acb_main", "ba_acb_second"]
    assert client_secret(path) == "planted-secret"
    assert accounts["ba_acb_main"].feed is not None
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    before = path.read_bytes()
    assert seal_file(path, SEALER, NOW, DAY) == 0
    assert path.read_bytes() == before


def test_replaced_credentials_are_used_at_once_and_the_former_prove_what_comes_in_for_a_while(tmp_path: Path) -> None:
    path = written(tmp_path, entry())
    seal_file(path, SEALER, NOW, DAY)
    replaced(path, client_secret="planted-second", webhook_key=NEXT_KEY)
    with pytest.raises(InvalidBankAccounts, match="beside it too"):
        load_accounts(path, SEALER)
    assert seal_file(path, SEALER, NOW, DAY) == 1
    assert client_secret(path) == "planted-second"
    now = [NOW]
    transport = Transport(monotonic)
    bank = open_banks(load_accounts(path, SEALER), transport, lambda: now[0], lambda: "t")["ba_acb_main"]
    notice = (Path(__file__).parent / "acb" / "webhook.json").read_bytes()
    by_new, by_old = ({"x-api-key": key} for key in (NEXT_KEY, "planted-webhook-key"))
    assert bank.read_webhook(by_new, notice) == bank.read_webhook(by_old, notice)
    with pytest.raises(SignatureInvalid):
        bank.read_webhook({"x-api-key": "planted-key-of-nobody"}, notice)
    now[0] = NOW + DAY
    assert bank.read_webhook(by_new, notice).lines
    with pytest.raises(SignatureInvalid):
        bank.read_webhook(by_old, notice)
    transport.close()


def test_few_versions_stand_side_by_side_and_those_that_ended_go(tmp_path: Path) -> None:
    path = written(tmp_path, entry())
    for number in range(5):
        replaced(path, client_secret=f"planted-{number}")
        seal_file(path, SEALER, NOW, DAY)
    assert [one["version"] for one in content(path)["bank_accounts"][0]["sealed"]] == [5, 4, 3]
    replaced(path, client_secret="planted-6")
    seal_file(path, SEALER, NOW + 2 * DAY, DAY)
    assert [one["version"] for one in content(path)["bank_accounts"][0]["sealed"]] == [6, 5]


def test_sealed_credentials_moved_to_another_account_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, entry(), entry(id="ba_acb_second", client_secret="planted-other"))
    seal_file(path, SEALER, NOW, DAY)
    document = content(path)
    first, second = document["bank_accounts"]
    first["sealed"], second["sealed"] = second["sealed"], first["sealed"]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InvalidBankAccounts, match=r"bank_accounts\[0\].sealed does not open") as refusal:
        load_accounts(path, SEALER)
    assert refusal.value.facts["faults"] == 2


def test_a_sealed_file_needs_its_master_key(tmp_path: Path) -> None:
    path = written(tmp_path, entry())
    seal_file(path, SEALER, NOW, DAY)
    for sealer in (None, Sealer([NEW], secrets.token_bytes)):
        with pytest.raises(InvalidBankAccounts, match="master key"):
            load_accounts(path, sealer)


def test_a_new_master_key_takes_over_while_both_are_known(tmp_path: Path) -> None:
    path = written(tmp_path, entry())
    seal_file(path, SEALER, NOW, DAY)
    replaced(path)
    seal_file(path, SEALER, NOW, DAY)
    both = Sealer([NEW, OLD], secrets.token_bytes)
    assert client_secret(path, both) == "planted-secret"
    assert rotate_master(path, both) == 2
    assert client_secret(path, both) == client_secret(path, Sealer([NEW], secrets.token_bytes)) == "planted-secret"
    with pytest.raises(InvalidBankAccounts):
        load_accounts(path, SEALER)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: seal_file(path, SEALER, NOW, DAY),
        lambda path: rotate_master(path, Sealer([NEW], secrets.token_bytes)),
    ],
    ids=["seal", "rotate"],
)
def test_a_file_that_would_not_be_read_again_stays_as_it_was(tmp_path: Path, change: Callable[[Path], int]) -> None:
    path = written(tmp_path, entry())
    seal_file(path, SEALER, NOW, DAY)
    replaced(path, client_secret=None)
    before = path.read_bytes()
    with pytest.raises(InvalidBankAccounts):
        change(path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, entry())
    beside = tmp_path / "accounts.json.new"
    beside.write_text("of another")
    with pytest.raises(InvalidBankAccounts, match="Somebody else"):
        seal_file(path, SEALER, NOW, DAY)
    assert beside.read_text() == "of another"

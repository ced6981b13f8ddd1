"""Credentials and master keys replaced under a running process."""

from __future__ import annotations

import itertools
import json
import logging
import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from banks.acb_credentials import AcbCredentials
from banks.live import LiveAccounts
from banks.seal_file import rotate_master, seal_file
from banks.sealing import Sealer
from banks.transport import Transport
from ledger.errors import InvalidBankAccounts
from ledger.settings import Settings, read_settings
from tests.banks.test_accounts import entry, written
from tests.banks.test_techcombank_credentials import entry as techcombank_entry

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)

Opener = Callable[[Settings], LiveAccounts]


@pytest.fixture
def open_live() -> Iterator[Opener]:
    transport = Transport(monotonic)
    yield lambda chosen: LiveAccounts(chosen, transport, lambda: NOW, secrets.token_bytes, lambda: "t")
    transport.close()


def settings(accounts: Path, keys: Path | None = None) -> Settings:
    return read_settings(
        {
            "EVENT_STORE_URL": "sqlite:///unused",
            "READ_TABLES_URL": "sqlite:///unused",
            "REDIS_URL": "redis://127.0.0.1:9/0",
            "SOCAI_MASTER_KEY": b64encode(OLD).decode(),
            "SOCAI_MASTER_KEY_FILE": str(keys or ""),
            "SOCAI_BANK_ACCOUNTS": str(accounts),
        }
    )


ages = itertools.count(1)


def later(path: Path) -> None:
    """Clocks of file systems tick coarsely: this file is surely younger than what it was."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + next(ages)))


def rewritten(path: Path, *entries: object) -> None:
    written(path.parent, *entries)
    later(path)


def secret_of(live: LiveAccounts, id_: str = "ba_acb_main") -> str:
    return live.banks[id_].account.credentials_as(AcbCredentials).client_secret.reveal()


def test_a_changed_account_is_met_anew_and_the_others_keep_their_adapters(tmp_path: Path, open_live: Opener) -> None:
    path = written(tmp_path, entry(), entry(id="ba_acb_second"))
    live = open_live(settings(path))
    first, second = live.banks["ba_acb_main"], live.banks["ba_acb_second"]
    fed = techcombank_entry(feed={"source": "payos", "key": "planted-feed-key-0001"})
    rewritten(path, entry(client_secret="planted-next"), entry(id="ba_acb_second"), fed)
    assert secret_of(live) == "planted-next"
    assert live.banks["ba_acb_main"] is not first
    assert live.banks["ba_acb_second"] is second
    assert list(live.feeds) == ["ba_techcombank_main"]
    rewritten(path, entry(id="ba_acb_third"))
    assert (list(live.banks), len(live.banks), len(live.feeds)) == (["ba_acb_third"], 1, 0)


def test_who_goes_through_the_accounts_goes_through_those_of_one_moment(tmp_path: Path, open_live: Opener) -> None:
    path = written(tmp_path, entry(), entry(id="ba_acb_second"))
    live = open_live(settings(path))
    met = []
    for id_, bank in live.banks.items():
        rewritten(path, entry(id="ba_acb_third"))
        assert list(live.banks.keys()) == [one.account.id for one in live.banks.values()] == ["ba_acb_third"]
        met.append((id_, bank.account.id))
    assert met == [("ba_acb_main", "ba_acb_main"), ("ba_acb_second", "ba_acb_second")]


def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_of_once(
    tmp_path: Path, open_live: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, entry())
    live = open_live(settings(path))
    before = live.banks["ba_acb_main"]
    rewritten(path, entry(client_secret="planted secret with blanks"))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert live.banks["ba_acb_main"] is before
    assert len(caplog.records) == 1
    assert "client_secret" in caplog.text
    assert "planted" not in caplog.text
    path.unlink()
    assert live.banks["ba_acb_main"] is before
    rewritten(path, entry(client_secret="planted-mended"))
    assert secret_of(live) == "planted-mended"


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, open_live: Opener) -> None:
    path = written(tmp_path, entry())
    live = open_live(settings(path))
    found = path.stat()
    path.write_bytes(b"x" * found.st_size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert secret_of(live) == "planted-secret"


def test_the_master_key_is_replaced_under_a_running_process(tmp_path: Path, open_live: Opener) -> None:
    path, keys = written(tmp_path, entry()), tmp_path / "keys"
    old, new = b64encode(OLD) + b"\n", b64encode(NEW) + b"\n"
    keys.write_bytes(old)
    seal_file(path, Sealer([OLD], secrets.token_bytes), NOW, DAY)
    live = open_live(settings(path, keys))
    assert secret_of(live) == "planted-secret"
    keys.write_bytes(new + old)
    rotate_master(path, Sealer([NEW, OLD], secrets.token_bytes))
    assert secret_of(live) == "planted-secret"
    keys.write_bytes(new)
    later(keys)
    document = json.loads(path.read_text())
    document["bank_accounts"][0] |= entry(client_secret="planted-under-new")
    path.write_text(json.dumps(document))
    seal_file(path, Sealer([NEW], secrets.token_bytes), NOW, DAY)
    assert secret_of(live) == "planted-under-new"


def test_many_at_once_see_the_old_or_the_new_and_never_half(tmp_path: Path, open_live: Opener) -> None:
    path = written(tmp_path, *(entry(id=f"ba_acb_{number:02}") for number in range(3)))
    live = open_live(settings(path))
    seen: set[tuple[str, ...]] = set()

    def look() -> None:
        for _ in range(200):
            values = live.banks.values()
            seen.add(tuple(bank.account.credentials_as(AcbCredentials).client_secret.reveal() for bank in values))

    threads = [Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    beside = tmp_path / "next.json"
    fresh = [entry(id=f"ba_acb_{number:02}", client_secret="planted-next") for number in range(3)]
    beside.write_text(json.dumps({"bank_accounts": fresh}))
    beside.replace(path)
    for thread in threads:
        thread.join()
    look()
    assert seen == {("planted-secret",) * 3, ("planted-next",) * 3}


def test_files_that_cannot_be_used_to_begin_with_stop_it(tmp_path: Path, open_live: Opener) -> None:
    with pytest.raises(InvalidBankAccounts):
        open_live(settings(tmp_path / "absent.json"))
    with pytest.raises(InvalidBankAccounts):
        open_live(settings(written(tmp_path, entry()), tmp_path / "absent"))

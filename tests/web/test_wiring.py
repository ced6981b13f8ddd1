"""Services are opened from settings alone."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from banks.feeds.payos import Payos
from banks.techcombank import Techcombank
from ledger.errors import InvalidBankAccounts
from tests.banks.test_techcombank_credentials import entry
from tests.web.stage import Clock, Stage, settings
from web.wiring import open_services


def test_accounts_that_cannot_be_used_stop_it(tmp_path: Path, sqlite_url: str) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps({"bank_accounts": [{"id": "x"}]}))
    with pytest.raises(InvalidBankAccounts):
        open_services(settings("mongodb://127.0.0.1:9/x", sqlite_url, bank_accounts=file), Clock(), secrets.token_bytes)


def test_an_account_of_the_file_brings_its_bank_and_its_feed(
    tmp_path: Path, event_store_url: str, sqlite_url: str
) -> None:
    file = tmp_path / "accounts.json"
    fed = entry(feed={"source": "payos", "key": "planted-feed-key-0001"})
    file.write_text(json.dumps({"bank_accounts": [fed]}), encoding="utf-8")
    opened = open_services(settings(event_store_url, sqlite_url, bank_accounts=file), Clock(), secrets.token_bytes)
    assert isinstance(opened.banks["ba_techcombank_main"], Techcombank)
    assert isinstance(opened.feeds["ba_techcombank_main"], Payos)
    opened.reader.close()
    opened.redis.close()
    opened.ledger.close()


def test_processes_of_one_installation_stamp_cursors_alike(stage: Stage) -> None:
    other = replace(stage.services)
    assert other.cursor_key == stage.services.cursor_key
    foreign = replace(
        stage.services,
        settings=msgspec.structs.replace(
            stage.services.settings, master_key=type(stage.services.settings.master_key)("A" * 43 + "=")
        ),
    )
    assert foreign.cursor_key != other.cursor_key

"""Commands about one of our accounts, from the accounts file to the bank and back."""

from __future__ import annotations

import argparse
import io
import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from banks import account_commands
from banks.__main__ import main
from ledger.errors import CapabilityMissing, UnknownBank
from tests.banks.acb.rig import open_rig
from tests.banks.contract import TODAY, Rig
from tests.banks.http_server import HttpServer
from tests.banks.mb.rig import open_rig as mb_rig
from tests.banks.mb.rig import recorded as mb_recorded
from tests.banks.test_accounts import entry, written


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def rig(server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """ACB's recorded replies, and an accounts file that leads to them."""
    opened = open_rig(server)
    base_url = f"{server.url}/acb/open"
    path = written(tmp_path, entry(base_url=base_url, token_url=f"{server.url}/token"))
    monkeypatch.setenv("EVENT_STORE_URL", "sqlite:///unused")
    monkeypatch.setenv("SOCAI_BANK_ACCOUNTS", str(path))
    for name in ("SOCAI_MASTER_KEY", "SOCAI_MASTER_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield opened
    opened.transport.close()


def run(*arguments: str, inward: str = "") -> tuple[int, str, str]:
    outward, faults = io.StringIO(), io.StringIO()
    status = main(arguments, io.StringIO(inward), outward, faults)
    for secret in ("planted", "PRIVATE", "Bearer"):
        assert secret not in outward.getvalue() + faults.getvalue()
    return status, outward.getvalue(), faults.getvalue()


def test_the_balance_is_told_with_its_time(rig: Rig) -> None:
    status, said, faults = run("balance", "ba_acb_main")
    assert (status, faults) == (0, "")
    found = rig.bank.balance()
    assert said.splitlines()[:2] == [f"current    {found.current}", f"available  {found.available}"]
    assert said.endswith(" Vietnam time\n")


def test_the_history_is_told_as_a_table_and_as_json(rig: Rig) -> None:
    days = ("--from", "2025-01-15", "--to", "2025-01-15")
    _, table, _ = run("history", "ba_acb_main", *days)
    told = json.loads(run("history", "ba_acb_main", *days, "--json")[1])
    page = rig.bank.history(TODAY, TODAY)
    assert [row["bank_reference"] for row in told["rows"]] == [row.bank_reference for row in page.lines]
    assert f"{len(page.lines)} rows, {len(page.doubtful)} not understood" in table


def test_days_left_out_are_today_or_the_other_one(rig: Rig, server: HttpServer) -> None:
    for first, last, expected in (
        (None, None, ("2025-01-15", "2025-01-15")),
        ("2025-01-15", None, ("2025-01-15", "2025-01-15")),
        (None, "2025-01-10", ("2025-01-10", "2025-01-10")),
    ):
        days = {"day_from": first and date.fromisoformat(first), "day_to": last and date.fromisoformat(last)}
        server.received.clear()
        account_commands.history(rig.bank, argparse.Namespace(json=False, **days), TODAY, io.StringIO())
        query = server.received[-1].query
        assert (query["fromDate"], query["toDate"]) == expected


def test_days_that_are_none_or_out_of_order_are_refused(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("history", "ba_acb_main", "--from", "15/01/2025")
    assert "2026-11-23" in capsys.readouterr().err
    status, said, fault = run("history", "ba_acb_main", "--from", "2025-01-16", "--to", "2025-01-15")
    assert (status, said) == (1, "")
    assert "in order" in fault


def test_the_check_is_run_and_its_status_told(rig: Rig) -> None:
    rig.say["status"] = rig.not_found
    assert run("check", "ba_acb_main")[0] == 0
    rig.say["status"] = rig.declined
    assert run("check", "ba_acb_main")[0] == 1


def test_a_bank_that_is_away_is_an_error_with_words(rig: Rig) -> None:
    rig.say["balance"] = rig.declined
    status, said, fault = run("balance", "ba_acb_main")
    assert (status, said) == (1, "")
    assert fault.startswith("The bank gives no usable answer: ACB answered the balance with HTTP 289")


def test_an_account_that_is_not_there_is_refused_with_those_that_are(rig: Rig, server: HttpServer) -> None:
    assert "ba_acb_main" in run("check", "ba_other")[2]
    assert server.received == []


def test_settings_that_are_missing_or_wrong_are_named(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCAI_MASTER_KEY", "short")
    assert "SOCAI_MASTER_KEY" in run("balance", "ba_acb_main")[2]
    monkeypatch.setenv("SOCAI_MASTER_KEY", b64encode(bytes(32)).decode())
    assert run("balance", "ba_acb_main")[0] == 0
    monkeypatch.delenv("SOCAI_BANK_ACCOUNTS")
    status, _, fault = run("balance", "ba_acb_main")
    assert (status, "SOCAI_BANK_ACCOUNTS" in fault) == (1, True)


def test_a_trial_order_asks_before_it_sends(rig: Rig) -> None:
    order = ("transfer-test", "ba_acb_main", "--to", "970422:0001234567890", "--name", "A", "--amount", "200000")
    assert "--yes" in run(*order)[2]
    status, said, fault = run(*order, "--yes", inward="no\n")
    assert (status, "CAUTION" in said, "Nothing was sent" in fault) == (1, True, True)
    assert rig.orders_received() == 0
    rig.say["order"] = rig.declined
    status, said, _ = run(*order, "--yes", inward="200000\n")
    assert (status, rig.orders_received()) == (4, 1)
    assert "DECLINED" in said


def test_a_name_is_told_where_the_bank_tells_names(rig: Rig, server: HttpServer) -> None:
    with pytest.raises(CapabilityMissing, match="lookup_name"):
        account_commands.lookup(rig.bank, "970422", "1", io.StringIO())
    assert server.received == []
    mb = mb_rig(server)
    outward = io.StringIO()
    assert account_commands.lookup(mb.bank, "970416", "12345678", outward) == 0
    name = json.loads(mb_recorded("name.json"))["data"]["accountName"]
    assert outward.getvalue() == f"{name}\nACB, active\n"
    with pytest.raises(UnknownBank):
        account_commands.lookup(mb.bank, "000000", "1", io.StringIO())
    mb.transport.close()

"""A history read to its end, as people and programs see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from banks.bank import HistoryPage, StatementRow
from banks.history_table import PlacedDoubt, WholeHistory, as_json, as_table, read_history, shown
from ledger.errors import CapabilityMissing
from ledger.money import Money
from tests.banks.acb.rig import answer, open_rig
from tests.banks.contract import NOW, TODAY, Rig
from tests.banks.http_server import HttpServer
from tests.banks.techcombank.rig import open_rig as techcombank_rig
from tests.banks.test_bank import ROW

ITEM = {
    "account": "12345678",
    "transactionDate": "2025-01-15T10:30:00.000+07:00",
    "transactionAmount": 150_000,
    "debitOrCredit": "credit",
    "transactionStatus": "COMPLETED",
    "traceNumber": 1,
}


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def rig(server: HttpServer) -> Iterator[Rig]:
    opened = open_rig(server)
    yield opened
    opened.transport.close()


def say_pages(rig: Rig, server: HttpServer, *pages: list[object]) -> None:
    token = rig.say["token"]

    def page(number: str) -> object:
        rows = pages[int(number) - 1]
        data = {"transactions": rows, "pagination": {"page": int(number), "totalPage": len(pages)}}
        return {"responseStatus": {"responseCode": "00000000"}, "responseData": data}

    server.script = lambda call: token if call.path == "/token" else answer(page(call.query["page"]))


def test_pages_are_read_to_the_end_and_a_row_that_moved_to_the_next_page_stands_once(
    rig: Rig, server: HttpServer
) -> None:
    second = {**ITEM, "traceNumber": 2}
    say_pages(rig, server, [ITEM, second], [second, {**ITEM, "traceNumber": None}])
    found = read_history(rig.bank, TODAY, TODAY)
    assert [row.bank_reference for row in found.rows] == ["1", "2"]
    assert [(doubt.page, doubt.position) for doubt in found.doubtful] == [(2, 2)]
    assert found.whole


def test_two_pages_that_contradict_one_another_are_doubtful(rig: Rig, server: HttpServer) -> None:
    say_pages(rig, server, [ITEM], [{**ITEM, "transactionDescription": "another"}])
    found = read_history(rig.bank, TODAY, TODAY)
    assert (len(found.rows), [doubt.page for doubt in found.doubtful]) == (1, [2])


def test_a_history_without_an_end_is_left_and_said_to_be_cut(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banks.history_table.PAGES_MAX", 3)
    endless = HistoryPage(lines=(), next_cursor="2025-01-15.2")
    monkeypatch.setattr(type(rig.bank), "history", lambda *_: endless)
    found = read_history(rig.bank, TODAY, TODAY)
    assert not found.whole
    assert "NOT WHOLE" in as_table(found)


def test_a_bank_without_a_history_is_not_asked(server: HttpServer) -> None:
    opened = techcombank_rig(server)
    with pytest.raises(CapabilityMissing, match="history"):
        read_history(opened.bank, TODAY, TODAY)
    assert server.received == []
    opened.transport.close()


def test_people_see_every_row_and_what_was_not_understood() -> None:
    debit = msgspec.structs.replace(
        ROW, direction="debit", reversal=True, booked_at=NOW + timedelta(days=1), amount=Money(2_000_000)
    )
    paid = msgspec.structs.replace(ROW, memo="SOCAI tien\x1b[2J\nhang", counterparty_name="NGUYEN VAN ANH")
    lines = as_table(WholeHistory([paid, debit], [PlacedDoubt(2, 7, "traceNumber: missing")], True)).splitlines()
    assert len(lines) == 4
    assert lines[0].split("  ", 1)[0] == "2025-01-15 10:30:00"
    assert "150,000 VND" in lines[0]
    assert lines[0].endswith("112233  NGUYEN VAN ANH  SOCAI tien [2J hang")
    assert "debit, taken back" in lines[1]
    assert lines[2:] == ["2 rows, 1 not understood", "  row 7 of page 2: traceNumber: missing"]
    assert as_table(WholeHistory([], [], True)) == "0 rows, 0 not understood\n"


def test_programs_see_every_field() -> None:
    told = json.loads(as_json(WholeHistory([ROW], [PlacedDoubt(1, 2, "why")], True)))
    assert told["rows"][0]["amount"] == {"units": 150_000, "currency": "VND"}
    assert set(told["rows"][0]) == set(StatementRow.__struct_fields__)
    assert (told["doubtful"], told["whole"]) == ([{"page": 1, "position": 2, "why": "why"}], True)


def test_nothing_that_a_terminal_obeys_is_shown() -> None:
    assert shown("a\x1b]0;x\x07b‮c\x9bd\r\n") == "a ]0;x b c d"
    assert shown("Nguyễn Văn Ánh") == "Nguyễn Văn Ánh"

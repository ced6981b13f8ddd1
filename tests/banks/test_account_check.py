"""The sheet of harmless calls, for every bank there is."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from banks import account_check
from banks.registry import bank_classes
from tests.banks.contract import TODAY, Rig, open_rig
from tests.banks.http_server import HttpServer, Reply, http

UNUSED = "TRIALABCDEFGHJK"
HTML = http(200, b"<html>Bao tri</html>")


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


def sheet(rig: Rig, status: Reply) -> tuple[int, dict[str, str]]:
    """The exit status, and the line of each call by its name."""
    rig.say["status"] = status
    outward = io.StringIO()
    code = account_check.run(rig.bank, TODAY, UNUSED, outward)
    rig.transport.close()
    assert not [secret for secret in rig.secrets if secret in outward.getvalue()]
    assert rig.orders_received() == 0
    return code, {line.split()[1]: line for line in outward.getvalue().splitlines()[1:-1]}


@pytest.mark.parametrize("code", list(bank_classes()))
def test_a_bank_that_answers_well_passes_and_what_it_lacks_is_skipped(code: str, server: HttpServer) -> None:
    rig = open_rig(code, server)
    failed, lines = sheet(rig, rig.not_found)
    asked = {"balance": "balance", "history": "history", "lookup_name": "lookup", "transfer_status": "enquiry"}
    for capability in sorted(asked.keys() & rig.bank.capabilities):
        assert lines[asked[capability]].startswith("  pass"), lines
    for capability in sorted(asked.keys() - rig.bank.capabilities):
        assert lines[asked[capability]].startswith("  skip")
    assert failed == 0


@pytest.mark.parametrize("code", list(bank_classes()))
def test_an_enquiry_that_finds_what_never_was_or_is_not_understood_fails(code: str, server: HttpServer) -> None:
    rig = open_rig(code, server)
    failed, lines = sheet(rig, HTML)
    assert lines["enquiry"].startswith("  FAIL")
    assert "Unknown" in lines["enquiry"]
    assert failed == 1


def test_an_order_that_never_was_and_is_known_fails(server: HttpServer) -> None:
    rig = open_rig("acb", server)
    executed = rig.executed.payload.replace(rig.order.end_to_end_id.encode(), UNUSED.encode()[:14])
    failed, lines = sheet(rig, Reply(executed))
    assert failed == 1
    assert lines["enquiry"].startswith("  FAIL")


def test_each_call_that_fails_is_named_and_the_others_are_still_made(server: HttpServer) -> None:
    rig = open_rig("mb", server)
    rig.say |= {"balance": HTML, "name": HTML}
    failed, lines = sheet(rig, rig.not_found)
    assert failed == 1
    assert [name for name, line in lines.items() if line.startswith("  FAIL")] == ["balance", "lookup"]
    assert [name for name, line in lines.items() if line.startswith("  pass")] == ["token", "history", "enquiry"]


def test_rows_that_are_not_understood_fail(server: HttpServer) -> None:
    rig = open_rig("mb", server)
    rig.say["history"] = http(200, rig.say["history"].payload.partition(b"\r\n\r\n")[2].replace(b"VND", b"XXX"))
    failed, lines = sheet(rig, rig.not_found)
    assert failed == 1
    assert "FAIL  history" in lines["history"]


def test_without_a_token_nothing_passes(server: HttpServer) -> None:
    rig = open_rig("acb", server)
    rig.say["token"] = http(401, b"{}")
    failed, lines = sheet(rig, rig.not_found)
    assert failed == 1
    assert not [line for line in lines.values() if line.startswith("  pass")]

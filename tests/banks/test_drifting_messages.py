"""At every bank found: what changes in a message is noticed at the right place, kept, and decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from banks.bank import Balance
from banks.drift import AnswerMisfits
from banks.registry import bank_classes
from tests.banks.contract import Rig, open_rig
from tests.banks.drifting import NEEDED, Planted, changed, drifts_of, met
from tests.banks.http_server import HttpServer
from tests.banks.vietinbank.rig import signed_balance

CASES = [(code, planted) for code in bank_classes() for planted in drifts_of(code)]


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.mark.parametrize("code", list(bank_classes()))
def test_something_is_planted_in_each_kind_of_message(code: str) -> None:
    planted = {one.call for one in drifts_of(code)} | ({"balance"} if code == "vietinbank" else set())
    wanted = {call for capability, call in NEEDED.items() if capability in bank_classes()[code].capabilities}
    assert planted == wanted | {"transfer"}


@pytest.mark.parametrize(("code", "planted"), CASES, ids=[f"{code}-{one.call}-{one.place}" for code, one in CASES])
def test_a_drift_is_noticed_at_its_place_and_decides_nothing(server: HttpServer, code: str, planted: Planted) -> None:
    rig = open_rig(code, server)
    try:
        untouched = lines_of(rig, planted)
        body = changed(rig, planted)
        misfits, came_of_it = met(rig, planted.call, body)
    finally:
        rig.transport.close()
    assert [misfit.place for misfit in misfits] == [planted.place]
    (misfit,) = misfits
    assert misfit.body
    assert planted.call == "history" or misfit.body == body
    assert not any(secret in misfit.expected for secret in rig.secrets)
    assert came_of_it < max(untouched, 1)


def lines_of(rig: Rig, planted: Planted) -> int:
    """How much comes of the message as it was recorded: it fits."""
    if planted.call in ("transfer", "status", "history"):
        if planted.call != "history":
            rig.say["order" if planted.call == "transfer" else "status"] = (
                rig.accepted if planted.call == "transfer" else rig.executed
            )
        misfits, came_of_it = met(rig, planted.call, b"")
        assert misfits == []
        return came_of_it
    return 0


def test_a_balance_that_vietinbank_signed_and_wrote_otherwise(server: HttpServer) -> None:
    rig = open_rig("vietinbank", server)
    try:
        assert isinstance(rig.bank.balance(), Balance)
        other = {"accId": rig.bank.account.account_number, "amount": "15,1M", "currencyCode": "VND"}
        server.script = lambda request: signed_balance(request, balances=other)
        with pytest.raises(AnswerMisfits) as refused:
            rig.bank.balance()
    finally:
        rig.transport.close()
    assert refused.value.misfit.place == "balances.amount"

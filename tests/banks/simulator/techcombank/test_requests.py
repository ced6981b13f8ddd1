"""Fields of requests where one value can be wrong."""

from __future__ import annotations

import pytest

from banks.simulator.records import Party
from banks.simulator.refusals import Malformed, Refused
from banks.simulator.techcombank import requests
from banks.simulator.techcombank.requests import Header, Transfer
from banks.simulator.techcombank.soap import COLLECTION
from banks.simulator.xml_elements import parse

HEADER = Header("T1", "2025-01-15", "NAPAS", "", ())
VALUES = {"TxTp": "DOMESTIC", "TxDt": "2025-01-15", "TxAmt": "200000", "Desc": "SOCAI000001 Chi tra"}


def order(account: str = "12345678", name: str = "NGUYEN VAN A", citad: str = "79307001", **changes: str) -> Transfer:
    head = "".join(f"<{tag}>{value}</{tag}>" for tag, value in (VALUES | changes).items())
    source = "<FrAcct><AcctId>19012345678901</AcctId><AcctTitl>CTY TNHH SOCAI</AcctTitl></FrAcct>"
    to = f"<AcctId>{account}</AcctId><AcctTitl>{name}</AcctTitl><FIData><CITAD>{citad}</CITAD></FIData>"
    raw = f'<ReqInf xmlns="{COLLECTION}">{head}{source}<ToAcct>{to}</ToAcct></ReqInf>'
    return requests.transfer(HEADER, parse(raw.encode()))


def test_the_printed_order_is_read() -> None:
    wanted = order()
    assert wanted.instruction.beneficiary == Party("NGUYEN VAN A", "12345678", "970416")
    assert (wanted.source, wanted.instruction.amount, wanted.instruction.rail) == ("19012345678901", 200_000, "napas")
    assert wanted.canonical == "FundTransferT112345678NGUYEN VAN A2025-01-15200000"
    requests.check_payable(wanted, ())


@pytest.mark.parametrize(
    "changes",
    [
        *({"TxAmt": amount} for amount in ("0", "-1", "0200000", "200,000", "2e5", "", "1" * 16)),
        *({"TxDt": day} for day in ("15/01/2025", "2025-13-01", "")),
        *({"account": account} for account in ("", "1234 5678", "1" * 20, "abc")),
        *({"citad": citad} for citad in ("970416", "", "7930700")),
        *({"name": ""}, {"name": "A" * 71}, {"Desc": ""}, {"Desc": "A" * 141}, {"TxTp": "FOREIGN"}),
    ],
)
def test_a_wrong_value_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        order(**changes)


@pytest.mark.parametrize(("changes", "code"), [({"name": "A;B"}, "PA-008"), ({"Desc": "A_B"}, "PA-009")])
def test_signs_have_their_own_codes(changes: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        requests.check_payable(order(**changes), ())
    assert refusal.value.code == code


def test_a_bank_may_be_unknown_or_offline() -> None:
    for citad, offline, code in (("12345678", (), "PA-005"), ("79307001", ("970416",), "PA-004")):
        with pytest.raises(Refused) as refusal:
            requests.check_payable(order(citad=citad), offline)
        assert refusal.value.code == code

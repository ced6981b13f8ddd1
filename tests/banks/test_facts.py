"""What is told of a bank is what its adapter states."""

from __future__ import annotations

import msgspec

from banks.acb import Acb
from banks.bank import CITAD_HOURS, Capability
from banks.facts import RailFacts, as_json, as_text, every_bank, facts_of
from banks.registry import bank_classes


def test_every_bank_is_told_of_and_nothing_it_lacks_is_promised() -> None:
    told = every_bank(bank_classes())
    assert [bank.code for bank in told] == list(bank_classes())
    for bank in told:
        assert {*bank.capabilities, *bank.lacks} == {one.value for one in Capability}
        assert not {*bank.capabilities} & {*bank.lacks}
        assert {f"transfer_{rail.rail}" for rail in bank.rails} <= {*bank.capabilities}


def test_limits_hours_and_the_rule_of_not_found_are_those_of_the_adapter() -> None:
    acb = facts_of(Acb)
    assert acb.lacks == ["lookup_name"]
    assert (acb.amount_min, acb.currency, acb.end_to_end_id_max) == (1, "VND", 15)
    assert acb.rails == [
        RailFacts(rail="internal", amount_max=None, opens=None, closes=None),
        RailFacts(rail="napas", amount_max=499_999_999, opens=None, closes=None),
        RailFacts(rail="citad", amount_max=None, opens="08:00", closes="16:00"),
    ]
    assert msgspec.structs.astuple(acb.not_found_final) == (900, 3, 60)
    assert f"{CITAD_HOURS.opens:%H:%M}" == "08:00"


def test_people_and_programs_read_the_same_facts() -> None:
    text = as_text()
    assert [bank["code"] for bank in msgspec.json.decode(as_json())] == [bank.code for bank in every_bank()]
    assert "  citad: VND 1 to no published limit, on working days 08:00 to 16:00, Vietnam time\n" in text
    assert "  napas: VND 1 to 499,999,999, at any time\n" in text
    assert '  "not found" counts after 900 s and 3 enquiries 60 s apart\n' in text


def test_an_example_is_offered_only_where_an_account_uses_it() -> None:
    offered = [bank.code for bank in every_bank()]
    assert "bidv" not in offered
    assert [bank.code for bank in every_bank({"bidv"})] == sorted([*offered, "bidv"])
    assert "bidv" not in as_text() + as_json()

"""Answers as trees, where the wire alone would not show a detail."""

from __future__ import annotations

from banks.simulator.techcombank import answers
from banks.simulator.techcombank.requests import Header

HEADER = Header("T1", "2025-01-15", "", "", ())


def test_the_banks_number_is_one_for_an_order_and_another_for_the_next() -> None:
    assert answers.bank_number("T1") == answers.bank_number("T1")
    assert len({answers.bank_number(f"T{number}") for number in range(1000)}) == 1000


def test_a_refusal_repeats_what_could_be_read_and_nothing_else() -> None:
    assert answers.refusal("XferRspn", "PA-017", "why", None) == (
        "XferRspn",
        [("RspnSts", [("Sts", "RCER"), ("AddtlStsRsnInf", "PA-017|Duplicate transaction")])],
    )
    _, held = answers.refusal("XferRspn", "XX", "why", HEADER)
    assert held[0] == ("RspnSts", [("Sts", "RCER"), ("AddtlStsRsnInf", "XX|why")])
    assert held[1] == ("RspnInf", [("Id", "T1"), ("TxId", "T1"), ("CreDtTm", "2025-01-15"), ("Desc", "")])

"""Settlement: figures fixed once, to the dong, and released once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import SettlementEmpty, SettlementStateConflict
from ledger.settlements import Settlement, SettlementLine
from tests.story import Story, dong

NOW = Story().context()


def closed(*figures: tuple[int, int]) -> Settlement:
    lines = [
        SettlementLine(payment_intent_id=f"pi_{number}", gross=dong(gross), fee=dong(fee))
        for number, (gross, fee) in enumerate(figures)
    ]
    return Settlement.close(NOW, settlement_id="stl_1", merchant_id="mer_1", lines=lines)


@given(st.lists(st.tuples(st.integers(-(10**11), 10**11), st.integers(0, 10**9)), min_size=1, max_size=30))
def test_the_figures_are_the_sums_of_the_lines(figures: list[tuple[int, int]]) -> None:
    settlement = closed(*figures)
    assert settlement.gross.units == sum(gross for gross, _ in figures)
    assert settlement.fees.units == sum(fee for _, fee in figures)
    assert settlement.net == settlement.gross - settlement.fees
    assert len(settlement.lines) == len(figures)
    assert settlement.status == "closed"


def test_a_settlement_of_no_payments_is_refused() -> None:
    with pytest.raises(SettlementEmpty):
        closed()


def test_a_settlement_is_released_once() -> None:
    settlement = closed((1_000, 10))
    settlement.release(NOW, entry_id="je_1")
    assert settlement.status == "released"
    with pytest.raises(SettlementStateConflict) as refusal:
        settlement.release(NOW, entry_id="je_1")
    assert refusal.value.facts["status"] == "released"
    assert [envelope.name for envelope in settlement.collect_events()] == ["settlement.closed", "settlement.released"]

"""The trial of orders at every simulated bank in short, and the judge's eye for planted faults."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from banks.simulator.faults import FaultName
from ledger.payouts import CONFIRMED, FAILED
from tests.torture.judge import Kind, Violation
from tests.torture.transfers import FAULTS, NAME, SHORT, Transfers, banks
from tests.torture.trial import Bench
from tests.workers.world import enrolled, open_world
from workers.payouts import order_of


@pytest.mark.timeout(300)
@pytest.mark.parametrize("code", banks())
def test_no_order_is_sent_twice_and_the_banks_books_agree(code: str, tmp_path: Path, redis_url: str) -> None:
    bench = Bench(NAME, "sqlite", "", tmp_path, 1)
    stores = [f"sqlite:///{tmp_path / name}.db" for name in ("log", "tables")]
    with open_world(enrolled(tmp_path / "bank", code), stores[0], stores[1], redis_url) as world:
        trial = Transfers(world, code, bench.dice(code))
        assert trial.run(SHORT) == []
        assert trial.counts[CONFIRMED] > SHORT.orders / 3
        assert trial.counts[FAILED] > 0
        # Planted: the bank executes an order behind our back that we call failed, and one is sent once more.
        failed = next(payout for payout in map(world.payout, trial.sent) if payout.status == FAILED)
        assert [one.kind for one in trial.differs(failed, executed=True)] == [Kind.BANK_DIFFERS]
        confirmed = next(payout for payout in map(world.payout, trial.sent) if payout.status == CONFIRMED)
        assert [one.kind for one in trial.differs(confirmed, executed=False)] == [Kind.BANK_DIFFERS]
        bank = world.parts.banks[confirmed.bank_account_id]
        bank.transfer(order_of(world.parts, confirmed, bank))
        assert trial.judged() == [Violation(Kind.SENT_TWICE, confirmed.id)]


def test_every_fault_of_an_order_is_among_those_drawn() -> None:
    drawn = {str(fault["fault"]) for fault in FAULTS}
    assert drawn | {"drip"} == set(get_args(FaultName))

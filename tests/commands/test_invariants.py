"""Whatever is done in whatever order: the books sum to zero and agree with the bank, and repeats change nothing."""

from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import accounts
from ledger.journal import JournalEntry, credit, debit
from tests.commands.world import MOVES, Auditor, Step, World, ends
from tests.story import dong

numbers = st.integers(0, 41)
steps = st.lists(st.builds(Step, st.sampled_from(list(MOVES)), numbers, numbers, numbers), min_size=30, max_size=60)
OPENING = [
    Step("expects", 0, 5, 0),
    Step("pays", 0, 1, 0),
    Step("expects", 1, 5, 0),
    Step("pays", 1, 1, 0),
    Step("settles", 0, 0, 0),
    Step("releases", 0, 0, 0),
    Step("settles", 1, 0, 0),
    Step("releases", 1, 0, 0),
    Step("asks_payout", 0, 2, 0),
    Step("sends_payout", 0, 0, 0),
    Step("asks_payout", 1, 2, 0),
    Step("asks_payout", 0, 2, 0),
    Step("expects", 0, 5, 0),
    Step("pays", 2, 1, 0),
    Step("settles", 0, 0, 0),
    Step("strays", 3, 1, 0),
    Step("strays", 3, 0, 0),
]
"""Every random story begins with funds to move: otherwise most moves would find nothing."""


def told(moves: list[Step], *, twice: bool = False) -> World:
    world = World(twice=twice)
    for step in moves:
        world.take(step)
    return world


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_after_every_move_the_books_sum_to_zero_and_agree_with_the_bank(moves: list[Step]) -> None:
    world = World()
    auditor = Auditor(world)
    for step in OPENING + moves:
        world.take(step)
        assert auditor.faults() == [], step
    explained = set(ends(world)) | {accounts.FEES, accounts.IN_TRANSIT}
    explained |= {
        name for merchant in world.merchants for name in (accounts.pending(merchant), accounts.available(merchant))
    }
    assert {name: units for name, units in world.story.books().items() if name in explained} == ends(world)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_all_that_the_bank_says_may_be_said_twice(moves: list[Step]) -> None:
    once, twice = told(OPENING + moves), told(OPENING + moves, twice=True)
    state = once.state()
    assert twice.state() == state
    events = len(once.story.log())
    for row in once.rows:
        once.bank_says(row)
    assert len(once.story.log()) == events
    assert once.state() == state


def test_every_move_has_something_to_do_after_the_opening() -> None:
    for move in MOVES:
        world = told([*OPENING, Step("takes_back_early", 0, 0, 0)])
        before = len(world.story.log())
        for choice in range(6):
            world.take(Step(move, choice, choice, choice))
        assert len(world.story.log()) > before or move in ("waits", "repeats"), move


def planted(world: World, account: str, units: int) -> None:
    legs = [debit(account, dong(units)), credit(accounts.ADJUSTMENTS, dong(units))]
    entry = JournalEntry.post(
        world.story.context(), happening="planted", subject="x", value_date=date(2026, 11, 23), postings=legs
    )
    world.story.ledger.keep(entry)


def test_the_auditor_sees_a_posting_the_bank_knows_nothing_of() -> None:
    world = told(OPENING)
    planted(world, accounts.bank("ba_acb_main"), 1)
    assert [fault[:12] for fault in Auditor(world).faults()] == ["the bank has"]


def test_the_auditor_sees_an_account_that_differs_from_its_postings() -> None:
    world = told(OPENING)
    planted(world, accounts.available(world.merchants[0]), 1)
    assert len(Auditor(world).faults()) == 1
    account = world.story.account(world.merchants[1])
    account.credit(world.story.context(), amount=dong(1), entry_id="je_none")
    world.story.ledger.keep(account)
    assert len(Auditor(world).faults()) == 2


def test_the_auditor_sees_a_hold_beyond_what_is_there() -> None:
    world = told(OPENING)
    account = world.story.account(world.merchants[0])
    event = account.HoldPlaced(hold_id="po_x", amount=dong(10_000_000))
    account.trigger_event(event, world.story.context())
    world.story.ledger.keep(account)
    assert any("po_x" in fault for fault in Auditor(world).faults())

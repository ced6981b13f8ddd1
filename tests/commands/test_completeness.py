"""Holes of a statement are on record from when they were noticed, and people are told of those that stay open."""

from __future__ import annotations

from datetime import timedelta

from commands.completeness import OPEN_MAX, RecordBankBalance, RecordCompleteness
from ledger.alarms import HOLE_STAYS_OPEN, Alarm
from ledger.completeness import BY_ENQUIRY, Checkpoint, Completeness, Hole, Judgement, Proof, id_of_completeness
from tests.story import BANK_ACCOUNT, START, Story, dong


def hole(hole_id: str = "hole_a", units: int = 7_000) -> Hole:
    return Hole(hole_id=hole_id, seen_by=BY_ENQUIRY, since=START, until=START, missing=dong(units))


def judged(story: Story, *holes: Hole) -> Completeness:
    story.when(RecordCompleteness(bank_account_id=BANK_ACCOUNT, judgement=Judgement(holes=holes)))
    return story.ledger.get(Completeness, id_of_completeness(BANK_ACCOUNT))


def alarms(story: Story) -> list[Alarm.Raised]:
    raised = [one.event for one in story.log() if isinstance(one.event, Alarm.Raised)]
    return [event for event in raised if event.kind == HOLE_STAYS_OPEN]


def test_the_first_balance_or_the_first_judgement_begins_the_watch() -> None:
    for command in (
        RecordBankBalance(bank_account_id=BANK_ACCOUNT, balance=dong(5), as_of=START),
        RecordCompleteness(bank_account_id=BANK_ACCOUNT, judgement=Judgement()),
    ):
        story = Story()
        for _ in range(2):
            receipt = story.when(command)
        assert story.names(receipt.subject).count("completeness.begun") == 1
        assert story.ledger.get(Completeness, receipt.subject).watched_from == START


def test_a_balance_is_kept_with_its_instant_and_the_proof_moves_the_mark() -> None:
    story = Story()
    story.when(RecordBankBalance(bank_account_id=BANK_ACCOUNT, balance=dong(5), as_of=START))
    proof = Proof(START, START, Checkpoint(START, dong(5)))
    story.when(RecordCompleteness(bank_account_id=BANK_ACCOUNT, judgement=Judgement(proof=proof)))
    known = judged(story)
    assert (known.told, known.checkpoint, known.complete_up_to) == (Checkpoint(START, dong(5)),) * 2 + (START,)


def test_a_hole_that_stays_open_raises_one_alarm_and_one_that_closes_none() -> None:
    story = Story()
    judged(story, hole(), hole("hole_b", -4_000))
    story.passes(seconds=OPEN_MAX.total_seconds() - 1)
    judged(story, hole(), hole("hole_b", -4_000))
    assert alarms(story) == []
    judged(story, hole("hole_b", -4_000))
    story.passes(seconds=1)
    for _ in range(2):
        judged(story, hole("hole_b", -4_000))
    (alarm,) = alarms(story)
    assert alarm.subject == "hole_b"
    assert alarm.detail.startswith(f"4,000 VND more left {BANK_ACCOUNT}")
    assert judged(story).holes == {}


def test_a_hole_that_comes_again_is_counted_from_then() -> None:
    story = Story()
    judged(story, hole())
    judged(story)
    story.passes(seconds=(OPEN_MAX - timedelta(seconds=1)).total_seconds())
    judged(story, hole())
    story.passes(seconds=2)
    judged(story, hole())
    assert alarms(story) == []

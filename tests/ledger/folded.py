"""One story told and folded: prints the SHA-256 of every stored byte and of every state that follows from them.

`tests/ledger/test_aggregate.py` runs it in processes with other hash seeds, time zones and languages.
"""

from __future__ import annotations

import hashlib

import msgspec

from commands.payouts import RecordPayoutExecuted, RecordPayoutNotFound, RecordPayoutUnknown
from commands.statements import MatchStatementLine
from ledger.aggregate import AGGREGATES, Snapshot
from ledger.payouts import NOT_FOUND_SPACING
from tests.story import Story


def told() -> Story:
    """A story with payments, payouts in doubt, a line matched by hand and a debit nobody ordered."""
    story = Story()
    merchant_id = story.funded(5_000_000)
    intent = story.intent(merchant_id, 150_000)
    line = story.bank_says(story.row(150_000, "quên ghi mã"))
    match = MatchStatementLine(line_id=line.subject, payment_intent_id=intent.id, reason="khách gọi điện")
    story.when(match)
    done, doubtful = story.submitted(merchant_id, 1_000_000), story.submitted(merchant_id, 2_000_000)
    story.when(RecordPayoutExecuted(payout_id=done.id, bank_reference="4711"))
    story.bank_says(story.row(1_000_000, done.end_to_end_id, direction="debit"))
    story.when(RecordPayoutUnknown(payout_id=doubtful.id, why="time-out"))
    for _ in range(2):
        story.passes(seconds=NOT_FOUND_SPACING.total_seconds())
        ask = RecordPayoutNotFound(payout_id=doubtful.id, final_after=NOT_FOUND_SPACING, statement_read_at=None)
        story.when(ask)
    story.bank_says(story.row(11_000, "PHÍ DỊCH VỤ", direction="debit"))
    return story


def digests(story: Story) -> tuple[str, str]:
    """SHA-256 (hex) over the stored bytes in order, and over the folded states of all streams."""
    recorder = story.ledger.recorder
    stored = hashlib.sha256()
    for row in recorder.select_notifications(start=1, limit=100_000):
        stored.update(f"{row.id} {row.originator_id} {row.originator_version} {row.topic} ".encode() + row.state)
    states = hashlib.sha256()
    for stream, name in {envelope.stream: envelope.name for envelope in story.log()}.items():
        aggregate = story.ledger.get(AGGREGATES[name.partition(".")[0]], stream)
        states.update(msgspec.json.encode(Snapshot.take(aggregate), order="sorted"))
    return stored.hexdigest(), states.hexdigest()


if __name__ == "__main__":
    print(*digests(told()))

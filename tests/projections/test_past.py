"""A replay takes exactly what counts, reads other streams as they were, and stops where the read tables stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent

from commands.merchants import AddWebhookEndpoint
from commands.payments import CancelPaymentIntent
from commands.statements import line_of
from ledger.errors import FoldImpossible
from ledger.event_log import Recorded
from ledger.payments import PaymentIntent
from ledger.privacy import KeysInMemory, Personal
from ledger.store import Ledger
from projections import PROJECTIONS
from projections.as_of import AsOf
from projections.past import Past
from projections.payments import PAYMENTS
from projections.statements import LINES
from projections.webhooks import ENDPOINTS
from tests.projections.planted import newer
from tests.story import BANK_ACCOUNT, MASTER_KEY, Story, counted_bytes, dong

EVER = AsOf(10**9)


class Counted(Ledger):
    """Counts how often histories are read."""

    readings = 0

    def histories(self, streams: Sequence[str], upto: int) -> list[Recorded]:
        """One more."""
        self.readings += 1
        return super().histories(streams, upto)


@pytest.fixture
def ledger(sqlite_events_url: str) -> Iterator[Counted]:
    with Counted.at(sqlite_events_url, MASTER_KEY, counted_bytes(), keys=KeysInMemory()) as opened:
        yield opened


def cancelled(story: Story, merchant_id: str) -> str:
    intent_id = story.intent(merchant_id, 1_000).id
    story.when(CancelPaymentIntent(merchant_id=merchant_id, payment_intent_id=intent_id, reason="khách đổi ý"))
    return intent_id


def test_a_page_is_read_at_once_and_given_in_the_order_asked_for(story: Story, ledger: Counted) -> None:
    merchant_id = story.merchant()
    ids = [cancelled(story, merchant_id) for _ in range(5)]
    rows = Past(ledger, PROJECTIONS["payments"], EVER).rows(PAYMENTS, [ids[3], "nobody", *ids[:3]])
    assert [(row["id"], row["status"]) for row in rows] == [(one, "cancelled") for one in (ids[3], *ids[:3])]
    assert ledger.readings == 1


def test_nothing_is_read_for_nothing(ledger: Counted) -> None:
    assert Past(ledger, PROJECTIONS["payments"], EVER).rows(PAYMENTS, []) == []
    assert ledger.readings == 0


def test_an_event_without_its_beginning_is_passed_over(story: Story, ledger: Counted) -> None:
    intent_id = story.intent(story.merchant(), 1_000).id
    created = ledger.history(intent_id)[0]
    intent = PaymentIntent.create(
        story.context(),
        merchant_id="mer_1",
        amount=dong(5_000),
        code="LATE1",
        bank_account_id=BANK_ACCOUNT,
        description="",
        merchant_reference="",
        expires_at=None,
    )
    intent.cancel(story.context(), reason="before it began")
    begun, ended = intent.collect_events()
    tomorrow = created.effective_on + timedelta(days=1)
    ledger.events.put([msgspec.structs.replace(begun, effective_on=tomorrow), ended])
    before, after = (
        Past(ledger, PROJECTIONS["payments"], AsOf(10**9, day)).rows(PAYMENTS, [intent.id])
        for day in (created.effective_on, tomorrow)
    )
    assert before == []
    assert [row["status"] for row in after] == ["cancelled"]


def test_a_reversal_is_its_merchants_as_of_the_moment_it_was_matched(story: Story, ledger: Counted) -> None:
    merchant_id = story.merchant()
    intent = story.intent(merchant_id, 70_000)
    credit = story.row(70_000, intent.code, reference="FT1")
    back = story.row(70_000, "hoan", reference="FT1", is_reversal=True)
    story.bank_says(credit)
    story.bank_says(back)
    past, before = Past(ledger, PROJECTIONS["statement_lines"], EVER), ledger.readings
    rows = past.rows(LINES, [line_of(back), line_of(credit)])
    assert [(row["status"], row["owner_id"], row["merchant_id"]) for row in rows] == [
        ("matched", line_of(credit), merchant_id),
        ("reversed", intent.id, merchant_id),
    ]
    # The lines, then the intent; a longer page takes no more.
    assert ledger.readings - before == 2


def test_a_stream_stands_still_at_an_event_that_cannot_be_read(story: Story, ledger: Counted) -> None:
    merchant_id = story.merchant()
    intent_id = cancelled(story, merchant_id)
    other = cancelled(story, merchant_id)
    created, ended = (row for row in ledger.histories([other], 10**9))
    told = [(created, created.state), (ended, newer(ended.state)), (ended, ended.state)]
    events = [StoredEvent("pi_newer", version, row.name, state) for version, (row, state) in enumerate(told, 1)]
    ledger.recorder.insert_events(events)
    rows = Past(ledger, PROJECTIONS["payments"], EVER).rows(PAYMENTS, ["pi_newer", intent_id])
    assert [row["status"] for row in rows] == ["awaiting", "cancelled"]


def test_rows_that_are_not_each_of_one_stream_are_not_replayed(story: Story, ledger: Counted) -> None:
    merchant_id = story.merchant()
    story.when(AddWebhookEndpoint(merchant_id=merchant_id, url="https://shop.example/hook", secret=Personal("whsec_x")))
    with pytest.raises(FoldImpossible, match="not each written by one stream"):
        Past(ledger, PROJECTIONS["webhooks"], EVER).rows(ENDPOINTS, [merchant_id])

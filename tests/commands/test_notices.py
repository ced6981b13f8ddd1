"""A message nobody can read is kept whole with one alarm, and read again once."""

from __future__ import annotations

import msgspec
import pytest

from commands.notices import CloseContractDrift, KeepUnreadableNotice, RecordNoticeReplayed, RingContractDrift
from ledger.alarms import BANK_CONTRACT_DRIFT, Alarm, drift_of, id_of_alarm
from ledger.errors import NotFound
from ledger.notices import BankNotice
from ledger.privacy import Personal
from tests.story import BANK_ACCOUNT, Story

NOTICE = KeepUnreadableNotice(
    bank_account_id=BANK_ACCOUNT, body_digest="ab" * 32, body=Personal("eyJtYW5nbGVk"), reason="not JSON"
)


def test_an_unreadable_notice_is_kept_sealed_with_an_alarm() -> None:
    story = Story()
    receipt = story.when(NOTICE, actor="bank:acb")
    assert [envelope.name for envelope in story.log()] == ["bank_notice.kept", "alarm.raised"]
    notice = story.ledger.get(BankNotice, receipt.subject)
    assert story.ledger.vault.open(notice.body) == "eyJtYW5nbGVk"
    assert not any(b"eyJtYW5nbGVk" in row.state for row in story.ledger.recorder.select_notifications(1, 10))


def test_the_same_notice_again_changes_nothing() -> None:
    story = Story()
    first = story.when(NOTICE)
    assert [story.when(NOTICE).subject for _ in range(3)] == [first.subject] * 3
    assert len(story.log()) == 2


def test_a_notice_that_could_be_read_is_marked_once() -> None:
    story = Story()
    notice_id = story.when(NOTICE).subject
    for _ in range(2):
        story.when(RecordNoticeReplayed(notice_id=notice_id, lines=2))
    assert story.names(notice_id) == ["bank_notice.kept", "bank_notice.replayed"]


def test_a_notice_that_is_not_there_cannot_be_replayed() -> None:
    with pytest.raises(NotFound):
        Story().when(RecordNoticeReplayed(notice_id="bn_9", lines=1))


# contract drift

DRIFT = "acb.webhook.transactionDate"
DRIFTED = msgspec.structs.replace(NOTICE, drift=DRIFT)


def rung(story: Story) -> Alarm:
    return story.ledger.get(Alarm, id_of_alarm(BANK_CONTRACT_DRIFT, DRIFT))


def another(number: int) -> KeepUnreadableNotice:
    return msgspec.structs.replace(DRIFTED, body_digest=f"{number:02d}" * 32)


def test_a_drift_rings_once_however_many_messages_come() -> None:
    story = Story()
    kept = {story.when(another(number)).subject for number in range(3)}
    assert len(kept) == 3
    assert story.names(rung(story).id) == ["alarm.raised"]
    assert rung(story).subject == DRIFT


def test_a_drift_that_is_over_rings_anew_when_it_comes_back() -> None:
    story = Story()
    story.when(another(1))
    for _ in range(2):
        story.when(CloseContractDrift(drift=DRIFT))
    assert not rung(story).open
    story.when(another(2))
    assert rung(story).open
    assert story.names(rung(story).id) == ["alarm.raised", "alarm.closed", "alarm.raised"]


def test_an_alarm_that_was_closed_too_early_rings_again_once() -> None:
    story = Story()
    story.when(another(1))
    story.when(CloseContractDrift(drift=DRIFT))
    for _ in range(2):
        story.when(RingContractDrift(drift=DRIFT))
    assert story.names(rung(story).id) == ["alarm.raised", "alarm.closed", "alarm.raised"]


def test_what_was_read_and_drifts_again_waits_again() -> None:
    story = Story()
    notice_id = story.when(DRIFTED).subject
    story.when(RecordNoticeReplayed(notice_id=notice_id, lines=0))
    for _ in range(2):
        story.when(DRIFTED)
    assert story.names(notice_id) == ["bank_notice.kept", "bank_notice.replayed", "bank_notice.kept"]
    assert not story.ledger.get(BankNotice, notice_id).replayed


def test_a_drift_nobody_met_cannot_end() -> None:
    with pytest.raises(NotFound):
        Story().when(CloseContractDrift(drift=DRIFT))


def test_a_place_is_shown_in_plain_signs_and_short() -> None:
    assert drift_of("acb", "history", "a b\u0111[]") == "acb.history.a_b_[]"
    assert len(drift_of("acb", "history", "x" * 500)) < 128

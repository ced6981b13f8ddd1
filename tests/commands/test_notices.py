"""A message nobody can read is kept whole with one alarm, and read again once."""

from __future__ import annotations

import pytest

from commands.notices import KeepUnreadableNotice, RecordNoticeReplayed
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

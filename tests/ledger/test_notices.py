"""BankNotice: kept whole and sealed, replayed once."""

from __future__ import annotations

from ledger.notices import BankNotice, id_of_notice
from ledger.privacy import Personal
from tests.story import Story


def test_a_notice_is_kept_sealed_and_read_again_once() -> None:
    story = Story()
    notice_id = id_of_notice("ba_1", "ab" * 32)
    body = story.ledger.vault.seal("person_1", Personal("eyJtYW5nbGVk"))
    kept = BankNotice.Kept(
        bank_account_id="ba_1",
        body=body,
        reason="not JSON",
        feed="",
        operation="webhook",
        about="",
        drift="acb.webhook.$",
    )
    notice = BankNotice.keep(story.context(), notice_id=notice_id, kept=kept)
    notice.keep_again(story.context(), kept=kept)
    assert not notice.replayed
    notice.replay(story.context(), lines=2)
    notice.replay(story.context(), lines=2)
    story.ledger.keep(notice)
    assert story.names(notice_id) == ["bank_notice.kept", "bank_notice.replayed"]
    found = story.ledger.get(BankNotice, notice_id)
    assert (found.bank_account_id, found.replayed, story.ledger.vault.open(found.body)) == (
        "ba_1",
        True,
        "eyJtYW5nbGVk",
    )
    found.keep_again(story.context(), kept=kept)
    assert (found.replayed, found.operation, found.about, found.drift) == (False, "webhook", "", "acb.webhook.$")


def test_the_same_body_of_the_same_account_is_the_same_notice() -> None:
    assert id_of_notice("ba_1", "ab") == id_of_notice("ba_1", "ab")
    assert len({id_of_notice("ba_1", "ab"), id_of_notice("ba_2", "ab"), id_of_notice("ba_1", "ac")}) == 3

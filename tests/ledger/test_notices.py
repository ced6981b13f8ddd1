"""BankNotice: kept whole and sealed, replayed once."""

from __future__ import annotations

from ledger.notices import BankNotice, id_of_notice
from ledger.privacy import Personal
from tests.story import Story


def test_a_notice_is_kept_sealed_and_read_again_once() -> None:
    story = Story()
    notice_id = id_of_notice("ba_1", "ab" * 32)
    body = story.ledger.vault.seal("person_1", Personal("eyJtYW5nbGVk"))
    notice = BankNotice.keep(
        story.context(), notice_id=notice_id, bank_account_id="ba_1", body=body, reason="not JSON", feed=""
    )
    assert not notice.replayed
    notice.replay(story.context(), lines=2)
    notice.replay(story.context(), lines=2)
    story.ledger.keep(notice)
    assert story.names(notice_id) == ["bank_notice.kept", "bank_notice.replayed"]
    kept = story.ledger.get(BankNotice, notice_id)
    assert (kept.bank_account_id, kept.replayed, story.ledger.vault.open(kept.body)) == ("ba_1", True, "eyJtYW5nbGVk")


def test_the_same_body_of_the_same_account_is_the_same_notice() -> None:
    assert id_of_notice("ba_1", "ab") == id_of_notice("ba_1", "ab")
    assert len({id_of_notice("ba_1", "ab"), id_of_notice("ba_2", "ab"), id_of_notice("ba_1", "ac")}) == 3

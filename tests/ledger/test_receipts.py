"""CommandReceipt: what a key was used for."""

from __future__ import annotations

import pytest

from ledger.errors import IdempotencyKeyReused
from ledger.receipts import CommandReceipt, id_of_receipt
from tests.story import Story


def test_a_receipt_is_for_one_content_only_and_shows_none_of_it() -> None:
    receipt = CommandReceipt.give(
        Story().context(), receipt_id=id_of_receipt("mer_1", "k1"), fingerprint="ab", subject="po_1", subject_version=2
    )
    receipt.must_be_for("ab")
    with pytest.raises(IdempotencyKeyReused) as refusal:
        receipt.must_be_for("ac")
    assert refusal.value.field == "Idempotency-Key"
    assert refusal.value.facts == {}
    assert (receipt.subject, receipt.subject_version) == ("po_1", 2)


def test_the_same_key_of_two_owners_is_two_keys() -> None:
    assert id_of_receipt("mer_1", "k1") == id_of_receipt("mer_1", "k1")
    assert len({id_of_receipt("mer_1", "k1"), id_of_receipt("mer_2", "k1"), id_of_receipt("mer_1", "k2")}) == 3

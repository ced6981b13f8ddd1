"""A hint is one message of one account, whoever brings it and however often."""

from __future__ import annotations

from ledger.statement_hints import id_of_hint


def test_the_same_proof_of_the_same_account_is_the_same_hint() -> None:
    assert id_of_hint("ba_1", "proof") == id_of_hint("ba_1", "proof")
    assert len({id_of_hint(account, proof) for account in ("ba_1", "ba_2") for proof in ("a", "b")}) == 4

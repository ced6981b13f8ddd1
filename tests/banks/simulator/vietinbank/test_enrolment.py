"""What VietinBank makes for a customer who is taken on."""

from __future__ import annotations

from pathlib import Path

from banks.simulator.enrolment import load
from banks.simulator.personality import personality
from tests.banks.simulator.vietinbank.customer import Json, check, signed


def test_each_side_has_its_own_private_key_and_the_others_public_one(vietin_keys: Path, row: Json) -> None:
    side = load(vietin_keys, personality("vietinbank"))
    check(signed("x", row["private_key_pem"]), "x", side.customer_public_pem)
    check(signed("x", side.bank_private_pem), "x", row["bank_public_key_pem"])
    assert side.knows_secret(row["client_secret"])
    assert not side.knows_secret("another")
    assert row["client_secret"] not in (vietin_keys / "simulator.json").read_text()
    assert row["client_id"] not in repr(side)

"""What MB makes for a customer who is taken on."""

from __future__ import annotations

import json
from pathlib import Path

from banks.simulator.enrolment import Enrolment, enrol, load
from banks.simulator.mb.enrolment import MbSide
from banks.simulator.personality import personality
from tests.banks.simulator.mb.customer import Json

MB = personality("mb")


def test_the_row_has_all_the_customer_needs_and_the_bank_keeps_no_secret_it_only_checks(
    row: Json, mb_keys: Path
) -> None:
    assert set(row) == {
        *("id", "bank", "account_number", "holder", "base_url", "client_id", "client_secret", "channel_code"),
        *("business_code", "private_key_pem", "push_username", "push_password", "webhook_key", "mms_access_key"),
    }
    assert row["base_url"] == "http://127.0.0.1:1/private"
    kept = (mb_keys / "simulator.json").read_text()
    for name in ("client_secret", "webhook_key"):
        assert row[name] not in kept
    assert "PRIVATE KEY" not in kept
    side: MbSide = load(mb_keys, MB)
    assert side.knows_secret(row["client_secret"])
    assert not side.knows_secret("another")
    assert row["push_password"] not in repr(side)


def test_another_key_for_webhooks_is_another_password_of_the_bank(tmp_path: Path) -> None:
    mine = Enrolment(base_url="http://127.0.0.1:1", accounts=(("ba_mb", "1"),), webhook_key="first-password-of-all")
    enrol(tmp_path, MB, mine)
    before: Json = json.loads((tmp_path / "accounts.json").read_text())["bank_accounts"][0]
    assert before["push_password"] == "first-password-of-all"
    other = Enrolment(base_url=mine.base_url, accounts=mine.accounts, webhook_key="second-password-of-all")
    assert enrol(tmp_path, MB, other)
    after: Json = json.loads((tmp_path / "accounts.json").read_text())["bank_accounts"][0]
    assert after == before | {"push_password": "second-password-of-all"}
    assert load(tmp_path, MB).push_password == "second-password-of-all"

"""Becoming a customer: two files, made once, for their owner only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from banks.simulator.enrolment import Enrolment, enrol, load
from banks.simulator.personality import personality
from banks.simulator.refusals import Unusable
from tests.banks.simulator.customer import Json

ACB = personality("acb")
URL = "http://127.0.0.1:9416"
ACCOUNTS = (("ba_acb_main", "12345678"), ("ba_acb_2", "22345678"))


def rows(directory: Path) -> list[Json]:
    found: list[Json] = json.loads((directory / "accounts.json").read_text())["bank_accounts"]
    return found


def test_enrolment_gives_the_customer_all_he_needs_and_is_kept(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    assert enrol(keys, ACB, Enrolment(base_url=URL + "/", accounts=ACCOUNTS, holder="CONG TY SOCAI", balance=7))
    first, second = rows(keys)
    assert set(first) == {
        *("id", "bank", "account_number", "holder", "base_url", "token_url", "client_id", "client_secret"),
        *("provider_id", "webhook_key", "signers"),
    }
    assert (first["id"], first["bank"], first["base_url"]) == ("ba_acb_main", "acb", URL + "/acb/open")
    assert first["token_url"].startswith(URL + "/acb/open/iam/id/v1/auth/realms/soba/")
    assert (second["account_number"], second["client_id"]) == ("22345678", first["client_id"])
    bank_side = load(keys, ACB)
    assert [account.balance for account in bank_side.accounts] == [7, 7]
    assert bank_side.knows_secret(first["client_secret"])
    assert not bank_side.knows_secret("another")
    before = rows(keys)
    assert not enrol(keys, ACB, Enrolment(base_url=URL, accounts=ACCOUNTS, holder="CONG TY SOCAI"))
    assert rows(keys) == before


def test_both_files_are_readable_by_their_owner_only(keys: Path) -> None:
    for name in ("simulator.json", "accounts.json"):
        assert (keys / name).stat().st_mode & 0o777 == 0o600


def test_another_address_makes_a_new_enrolment(tmp_path: Path) -> None:
    enrol(tmp_path, ACB, Enrolment(base_url=URL, accounts=ACCOUNTS, holder="A"))
    before = rows(tmp_path)[0]["client_id"]
    assert enrol(tmp_path, ACB, Enrolment(base_url="http://127.0.0.1:1", accounts=ACCOUNTS, holder="A"))
    assert rows(tmp_path)[0]["client_id"] != before


def test_another_webhook_key_replaces_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    enrol(tmp_path, ACB, Enrolment(base_url=URL, accounts=ACCOUNTS, holder="A", webhook_key="first"))
    before = rows(tmp_path)
    enrol(tmp_path, ACB, Enrolment(base_url=URL, accounts=ACCOUNTS, holder="A", webhook_key="second"))
    assert load(tmp_path, ACB).webhook_key == "second"
    assert rows(tmp_path) == [one | {"webhook_key": "second"} for one in before]


def test_no_secret_shows_in_the_representation(keys: Path, row: Json) -> None:
    assert row["webhook_key"] not in repr(load(keys, ACB))
    assert row["client_id"] not in repr(load(keys, ACB))


def test_a_missing_or_broken_enrolment_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"banks\.simulator enrol"):
        load(tmp_path, ACB)
    (tmp_path / "simulator.json").write_text("{}")
    with pytest.raises(Unusable, match=r"banks\.simulator enrol"):
        load(tmp_path, ACB)

"""The auditors' command line, on a real event store."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode

import pytest

from ledger.__main__ import main
from ledger.store import Ledger
from tests.story import MASTER_KEY, Story


@pytest.fixture
def environment(event_log_url: str) -> dict[str, str]:
    return {
        "EVENT_STORE_URL": event_log_url,
        "READ_TABLES_URL": "sqlite:///unused.db",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SOCAI_MASTER_KEY": b64encode(MASTER_KEY).decode(),
        "SOCAI_BANK_ACCOUNTS": "unused.json",
    }


def test_the_history_of_a_payout_is_told_for_people_and_for_programs(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Ledger.at(environment["EVENT_STORE_URL"], MASTER_KEY, secrets.token_bytes) as ledger:
        told = Story(ledger)
        payout = told.submitted(told.funded(2_000_000), 1_000_000)
        head = ledger.head()
    assert main(["history", payout.id], environment) == 0
    people = capsys.readouterr().out
    assert "payout.submitted" in people
    assert "1,000,000 VND" in people
    assert main(["history", payout.id, "--json"], environment) == 0
    programs = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert programs[0]["name"] == "payout.requested"
    assert main(["head"], environment) == 0
    assert capsys.readouterr().out == f"{head}\n"


def test_what_cannot_be_answered_is_said_in_a_sentence(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "po_NOBODY"], environment) == 1
    assert "po_NOBODY" in capsys.readouterr().err
    assert main(["head"], {**environment, "SOCAI_MASTER_KEY": "short"}) == 1
    said = capsys.readouterr().err
    assert "SOCAI_MASTER_KEY" in said
    assert "short" not in said

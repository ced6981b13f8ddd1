"""What a process holds: opened from its settings, with contexts that are never taken for one another."""

from __future__ import annotations

import secrets
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.errors import UnknownBankAccount
from ledger.settings import read_settings
from tests.workers.world import BANK_ACCOUNT, World
from workers.parts import Parts


def test_parts_are_opened_from_settings(world: World) -> None:
    parts = Parts.open(read_settings(world.environment), lambda: datetime.now(UTC), secrets.token_bytes)
    try:
        assert list(parts.banks) == [BANK_ACCOUNT]
        assert parts.bank(BANK_ACCOUNT).code == "acb"
        assert parts.ledger.head() == 0
        assert parts.redis.ping()
    finally:
        parts.close()


def test_two_contexts_for_the_same_thing_are_two_commands(world: World) -> None:
    first, second = (world.parts.context("payouts", "po_1", "po_1@2") for _ in range(2))
    assert first.command_id != second.command_id
    assert (first.actor, first.correlation_id, first.causation_id) == ("worker:payouts", "po_1", "po_1@2")


def test_an_account_that_is_not_ours_is_a_problem(world: World) -> None:
    with pytest.raises(UnknownBankAccount):
        world.parts.bank("ba_none")


def test_a_job_outside_a_worker_process_finds_no_parts() -> None:
    code = "from workers.parts import held\ntry:\n    held()\nexcept LookupError as error:\n    print(error)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert "opened no parts" in done.stdout

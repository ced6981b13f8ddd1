"""rebuild, compare, swap and check on the command line: what they print, and with which exit code they end."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import delete, select, update

from ledger.store import Ledger
from projections.__main__ import _chosen, _parser
from projections.database import Database
from projections.exit_codes import AMISS, FINE
from projections.payments import PAYMENTS
from projections.places import places
from projections.renewing import renew
from tests.story import START, Story

Run = Callable[..., tuple[int, str]]
WIDTH = 200


@pytest.fixture
def run(ledger: Ledger, database: Database) -> Run:
    """Does one command; its exit code and what it printed."""

    def command(*words: str) -> tuple[int, str]:
        asked, console = _parser().parse_args(words), Console(width=WIDTH, record=True, quiet=False)
        code = renew(asked, _chosen(asked.names), ledger, database, START + timedelta(days=1), console)
        return code, console.export_text()

    return command


@pytest.fixture
def served(story: Story, follow: Callable[[], None]) -> Story:
    """Two payment intents, followed."""
    merchant_id = story.merchant()
    story.intent(merchant_id, 1_000)
    story.intent(merchant_id, 2_000)
    follow()
    return story


def _damage(database: Database, **values: Any) -> None:
    database.write(lambda connection: connection.execute(update(PAYMENTS).values(**values)))


def test_a_rebuild_that_shows_the_same_takes_over(run: Run, served: Story, database: Database) -> None:
    code, printed = run("rebuild", "payments")
    assert code == FINE
    assert "payments: no difference at position" in printed
    assert "payments serves its new tables" in printed
    assert places(database)["payments"].generation == 1


def test_a_difference_waits_until_it_is_accepted_by_name(run: Run, served: Story, database: Database) -> None:
    _damage(database, status="paid")
    code, printed = run("rebuild", "payments")
    assert code == AMISS
    assert "payments.status: paid -> awaiting" in printed
    assert "to be accepted" in printed
    assert places(database)["payments"].generation == 0
    assert run("compare", "payments")[0] == AMISS
    assert run("swap", "payments")[0] == AMISS
    code, printed = run("swap", "payments", "--accept", "payments.status: paid -> awaiting", "--accept", "odd")
    assert code == FINE
    assert "Accepted, but it does not occur: odd" in printed
    assert places(database)["payments"].generation == 1
    assert run("compare", "payments", "--back")[0] == AMISS
    accepted = ("--accept", "payments.status: awaiting -> paid")
    assert run("swap", "payments", "--back", *accepted)[0] == FINE
    assert set(database.column(select(PAYMENTS.c.status))) == {"paid"}


def _pasted(printed: str) -> list[str]:
    """The words behind `python -m projections` of the one line that is a command, as a shell reads them."""
    (line,) = [line for line in printed.splitlines() if line.startswith("python ")]
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "projections"]
    return words[3:]


def test_the_command_that_accepts_is_printed_to_be_pasted(run: Run, served: Story, database: Database) -> None:
    _damage(
        database, status="paid", received=7, fees=8, settled=9, settled_fees=10, code="PAY123", merchant_reference="'"
    )
    code, printed = run("rebuild", "payments")
    assert code == AMISS
    words = _pasted(printed)
    assert len(shlex.join(words)) > WIDTH
    assert words.count("--accept") == len(
        {"status", "received", "fees", "settled", "settled_fees", "code", "reference"}
    )
    assert _pasted(run("compare", "payments")[1]) == words
    assert _pasted(run("swap", "payments", *words[-2:])[1]) == words
    assert run(*words)[0] == FINE
    assert places(database)["payments"].generation == 1
    back = _pasted(run("compare", "payments", "--back")[1])
    assert _pasted(run("swap", "payments", "--back")[1]) == back
    assert run(*back)[0] == FINE
    assert set(database.column(select(PAYMENTS.c.status))) == {"paid"}


def test_a_difference_may_be_accepted_in_advance(run: Run, served: Story, database: Database) -> None:
    _damage(database, status="paid")
    assert run("rebuild", "payments", "--accept", "payments.status: paid -> awaiting")[0] == FINE
    assert places(database)["payments"].generation == 1


def test_check_names_the_row_and_the_column(run: Run, served: Story, database: Database) -> None:
    assert run("check")[0] == FINE
    _damage(database, received=5)
    code, printed = run("check", "payments")
    assert code == AMISS
    assert "received" in printed
    database.write(lambda connection: connection.execute(delete(PAYMENTS)))
    assert "row missing" in run("check", "payments")[1]
    assert run("check", "merchants")[0] == FINE

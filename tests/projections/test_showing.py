"""`python -m projections show` prints what was, says as of when, opens no seal, and refuses what cannot be asked."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from rich.console import Console

from ledger.errors import InvalidField, ReadTablesUnavailable
from projections import showing
from projections.__main__ import main
from projections.database import Database, open_database
from projections.tables import make_tables
from tests.projections.environment import set_environment
from tests.projections.tale import Tale
from tests.story import BANK_ACCOUNT

Show = Callable[..., list[list[str]]]


def asked(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    showing.add_to(parser.add_subparsers(dest="command"))
    return parser.parse_args(["show", *arguments])


@pytest.fixture
def show(tale: Tale, tables_on_sqlite: Database) -> Show:
    """The words of each line that a command prints, the first line left out."""

    def printed(*arguments: str) -> list[list[str]]:
        paper = io.StringIO()
        code = showing.show(asked(*arguments), tale.story.ledger, tables_on_sqlite, Console(file=paper, width=40))
        assert code == 0
        return [line.split() for line in paper.getvalue().splitlines()][1:]

    return printed


def at(tale: Tale, name: str, stream: str = "") -> int:
    """Where the first event of a stored name stands."""
    return next(one.position for one in tale.story.log() if one.name == name and stream in one.stream)


def test_balances_are_shown_as_they_were(tale: Tale, show: Show) -> None:
    head, *rows = show("balances", "--merchant", tale.quiet)
    assert head == ["account", "kind", "currency", "posted", "held", "available"]
    available = f"merchant:{tale.quiet}:available"
    assert [row for row in rows if row[0] == available] == [
        [available, "liability", "VND", "2000000", "13300", "1986700"]
    ]
    opened = str(at(tale, "account.opened", tale.quiet))
    assert show("balances", "--account", available, "--known-at", opened)[1:] == [
        [available, "liability", "VND", "0", "0", "0"]
    ]
    assert show("balances", "--account", available, "--known-at", str(int(opened) - 1))[1:] == []


def test_the_trial_balance_ends_with_its_totals(tale: Tale, show: Show) -> None:
    *_, total = show("trial_balance")
    assert total[:2] == ["total", "VND:"]
    assert total[2] == total[4] != "0"
    day = (tale.story.log()[0].effective_on - timedelta(days=1)).isoformat()
    assert show("trial_balance", "--effective-at", day)[1:] == []


def test_payouts_are_shown_with_the_status_of_then_and_seals_stay_closed(tale: Tale, show: Show) -> None:
    payout = tale.payouts["confirmed"]
    requested = at(tale, "payout.requested", payout)
    head, *rows = show("payouts", "--merchant", tale.merchant, "--known-at", str(requested))
    shown = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert (shown[payout]["status"], shown[payout]["beneficiary_name"]) == ("requested", showing.SEALED)
    now = {row[0]: row[2] for row in show("payouts", "--merchant", tale.merchant)[1:]}
    assert now[payout] == "confirmed"
    assert len(now) > len(shown)


def test_payments_and_lines_are_shown_up_to_a_limit(tale: Tale, show: Show) -> None:
    for kind in ("payments", "statement_lines"):
        everything = show(kind, "--limit", "1000")[1:]
        assert len(everything) > 10
        some = show(kind, "--limit", "7")[1:]
        assert [row[0] for row in some[:-1]] == [row[0] for row in everything[:7]]
        assert some[-1][:3] == ["There", "are", "more:"]
    accounts = {row[1] for row in show("statement_lines", "--account", BANK_ACCOUNT)[1:-1]}
    assert accounts == {BANK_ACCOUNT}
    assert show("statement_lines", "--account", "ba_none")[1:] == []


def test_an_instant_may_be_named(tale: Tale, tables_on_sqlite: Database) -> None:
    paper = io.StringIO()
    instant = tale.story.log()[3].at
    last = max(one.position for one in tale.story.log() if one.at <= instant)
    arguments = asked("payments", "--known-at", instant.isoformat(), "--effective-at", "2026-11-23")
    showing.show(arguments, tale.story.ledger, tables_on_sqlite, Console(file=paper))
    told = paper.getvalue().splitlines()[0]
    assert told == f"payments as known at position {last}, in effect by 2026-11-23"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["payments", "--known-at", "yesterday"], "known-at"),
        (["payments", "--known-at", "2026-11-23T10:00:00"], "known-at"),
        (["payments", "--known-at", "999999999"], "known-at"),
        (["payments", "--effective-at", "20261123"], "effective-at"),
        (["payments", "--effective-at", "2026-02-30"], "effective-at"),
        (["payments", "--account", "fees"], "account"),
        (["trial_balance", "--merchant", "mer_1"], "merchant"),
        (["balances", "--limit", "0"], "limit"),
    ],
)
def test_what_cannot_be_asked_is_refused(show: Show, arguments: list[str], field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        show(*arguments)
    assert refused.value.field == field


def test_a_position_the_tables_do_not_show_yet_is_refused(tale: Tale, sqlite_url: str) -> None:
    tables = open_database(sqlite_url)
    make_tables(tables)
    with pytest.raises(ReadTablesUnavailable, match="show position 0, not yet 9"):
        showing.show(asked("balances", "--known-at", "9"), tale.story.ledger, tables, Console(file=io.StringIO()))
    tables.close()


def test_the_command_line_has_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sqlite_url: str, sqlite_events_url: str
) -> None:
    set_environment(monkeypatch, events=sqlite_events_url, tables=sqlite_url)
    tables = open_database(sqlite_url)
    make_tables(tables)
    tables.close()
    assert main(["show", "balances"]) == 0
    assert capsys.readouterr().out.startswith("balances as known at position 0\n")
    assert main(["show", "balances", "--known-at", "1"]) == 2
    assert "The log ends at position 0." in capsys.readouterr().out

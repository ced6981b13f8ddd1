"""The command line of the read models."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient
from sqlalchemy import Connection, update

from ledger.store import Ledger
from projections.__main__ import main
from projections.aside import STREAMS_MAX
from projections.database import Database
from projections.follower import run_batch, run_round
from projections.payments import PAYMENTS
from projections.places import places
from projections.projection import PROJECTIONS
from tests.projections.environment import set_environment
from tests.projections.planted import Planted
from tests.story import START, Story

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    event_store_url: str,
    read_tables_url: str,
) -> Run:
    """Runs a command in an environment as in production; its exit code and what it printed."""
    set_environment(monkeypatch, events=event_store_url, tables=read_tables_url)

    def command(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        return code, capsys.readouterr().out

    return command


def test_list_names_every_projection_with_its_tables_and_position(
    run: Run, story: Story, follow: Callable[[], None]
) -> None:
    story.merchant()
    code, before = run("list")
    assert code == 0
    assert before.count("not made yet") == len(PROJECTIONS)
    follow()
    code, after = run("list")
    assert code == 0
    for name, projection in PROJECTIONS.items():
        assert name in after
        assert all(table.name in after for table in projection.tables)
    assert after.count("following") == len(PROJECTIONS)


def test_list_shows_what_waits_beside_and_what_served_before(
    run: Run, story: Story, database: Database, follow: Callable[[], None]
) -> None:
    story.intent(story.merchant(), 1_000)
    follow()
    head = story.ledger.head()
    assert run("rebuild", "payments", "merchants")[0] == 0
    assert _of(run("list")[1], "payments")[4] == f"kept: generation 0 at {head}"
    database.write(lambda connection: connection.execute(update(PAYMENTS).values(status="paid")))
    assert run("rebuild", "payments")[0] == 1
    printed = run("list")[1]
    assert _of(printed, "payments")[4] == f"waits: generation 2 at {head}"
    assert _of(printed, "merchants")[4] == f"kept: generation 0 at {head}"
    assert _of(printed, "payouts")[4] == ""


def test_list_names_the_cure_of_what_stands_still_and_of_what_was_taken_away(
    run: Run, story: Story, ledger: Ledger, database: Database, planted: Planted
) -> None:
    story.intent(story.merchant(), 1_000)
    planted.happens(ledger, *(("raise", f"tl_{number}") for number in range(STREAMS_MAX + 1)))
    run_round(ledger, database, START)

    def tamper(connection: Connection) -> None:
        connection.execute(update(PROJECTIONS["payouts"].place).values(definition="0" * 64))
        connection.exec_driver_sql("DROP TABLE settlements")
        connection.exec_driver_sql("ALTER TABLE payments DROP COLUMN received")

    database.write(tamper)
    printed = run("list")[1]
    assert " ".join(_all_of(printed, "payouts", 3)) == "definition changed: python -m projections rebuild payouts"
    assert "".join(_all_of(printed, "settlements", 3)).startswith("settlements is not there: ")
    assert "python -m projections rebuild settlements" in " ".join(_all_of(printed, "settlements", 3))
    assert "payments.received is not there: python -m projections rebuild payments" in " ".join(
        _all_of(printed, "payments", 3)
    )
    assert "retry tallies" in " ".join(_all_of(printed, "tallies", 3))
    assert _of(printed, "merchants")[3] == "following"


def _of(printed: str, name: str) -> list[str]:
    """The cells of the line of a projection."""
    (cells,) = [cells for cells in _cells(printed) if cells[0] == name]
    return cells


def _all_of(printed: str, name: str, column: int) -> list[str]:
    """The lines of one cell that is broken over several."""
    lines, ours = _cells(printed), False
    found = []
    for cells in lines:
        ours = cells[0] == name or (ours and not cells[0])
        if ours and cells[column]:
            found.append(cells[column])
    return found


def _cells(printed: str) -> list[list[str]]:
    lines = [line.split("│") for line in printed.splitlines() if "│" in line]
    return [[part.strip() for part in line[1:-1]] for line in lines]


def test_lag_is_the_end_of_the_log_minus_the_position(run: Run, story: Story, follow: Callable[[], None]) -> None:
    story.merchant()
    follow()
    story.merchant()
    code, printed = run("lag")
    assert code == 0
    line = next(line for line in printed.splitlines() if "merchants" in line)
    assert [part.strip() for part in line.split("│")][2:4] == ["2", "2"]


def test_lag_fails_when_the_log_ends_before_what_was_followed(
    run: Run, story: Story, follow: Callable[[], None], event_store_url: str
) -> None:
    story.merchant()
    follow()
    with MongoClient[dict[str, object]](event_store_url) as client:
        client.get_default_database()["events"].delete_many({})
    code, printed = run("lag")
    assert code == 1
    assert "The event log ends before what was followed already" in printed


def test_lag_fails_while_something_is_set_aside_and_shows_what_and_why(
    run: Run, story: Story, ledger: Ledger, follow: Callable[[], None]
) -> None:
    story.merchant()
    ledger.recorder.insert_events([StoredEvent("po_x", 1, "payout.levitated", b"{}")])
    ledger.recorder.insert_events([StoredEvent("po_x", 2, "payout.levitated", b"{}")])
    follow()
    code, printed = run("lag")
    assert code == 1
    assert "payout.levitated po_x@1" in printed
    line = next(line for line in printed.splitlines() if "│ payouts" in line)
    assert [part.strip() for part in line.split("│")][2:7] == ["4", "0", "2", "1", START.isoformat()]
    assert "2 set aside: retry" in line
    assert "EventUnknown" in printed


def test_rebuild_brings_the_named_projections_to_the_end(run: Run, story: Story, database: Database) -> None:
    story.intent(story.merchant(), 1_000)
    code, _ = run("rebuild", "payments", "merchants")
    assert code == 0
    found = places(database)
    assert found["payments"].position == found["merchants"].position == story.ledger.head()
    assert found.keys() == {"payments", "merchants"}


def test_rebuild_without_names_rebuilds_all(run: Run, story: Story, database: Database) -> None:
    story.merchant()
    assert run("rebuild")[0] == 0
    assert {place.generation for place in places(database).values()} == {1}


def test_rebuild_of_the_outdated_leaves_the_others(
    run: Run, story: Story, database: Database, follow: Callable[[], None]
) -> None:
    story.merchant()
    follow()
    old = update(PROJECTIONS["payouts"].place).values(definition="0" * 64)
    database.write(lambda connection: connection.execute(old))
    assert run("lag")[0] == 1
    assert run("rebuild", "--outdated")[0] == 0
    assert {name for name, place in places(database).items() if place.generation} == {"payouts"}
    assert run("lag")[0] == 0


def test_retry_says_what_it_folded_and_fails_while_something_is_left(
    run: Run, ledger: Ledger, database: Database, planted: Planted
) -> None:
    planted.happens(ledger, ("raise", "tl_a"), ("add", "tl_a"), ("raise", "tl_b"))
    run_batch(ledger, database, planted.tallies, START)
    code, printed = run("retry", "tallies")
    assert code == 1
    assert "0 events folded, 3 still set aside" in printed
    planted.mend()
    assert run("retry", "tallies", "--stream", "tl_a")[0] == 1
    assert planted.sums(database) == {"tl_a": 2}
    assert run("retry", "tallies")[0] == 0
    assert run("lag")[0] == 0
    code, printed = run("retry", "tallies", "--stream", "tl_a")
    assert code == 2
    assert "lag" in printed


def test_retry_builds_anew_what_reads_across_streams(
    run: Run, story: Story, ledger: Ledger, database: Database, follow: Callable[[], None]
) -> None:
    story.merchant()
    ledger.recorder.insert_events([StoredEvent("po_x", 1, "payout.levitated", b"{}")])
    follow()
    code, printed = run("retry", "webhooks")
    assert code == 1
    assert "built anew" in printed
    assert places(database)["webhooks"].generation == 1


def test_an_unknown_name_is_refused_with_the_names_there_are(run: Run) -> None:
    code, printed = run("rebuild", "paymints")
    assert code == 2
    assert "paymints" in printed
    assert "payments" in printed


def test_an_environment_that_is_not_complete_is_refused_with_what_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("READ_TABLES_URL")
    code, printed = run("list")
    assert code == 2
    assert "READ_TABLES_URL" in printed


def test_a_url_with_a_bare_stroke_in_its_password_is_a_sentence_without_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_STORE_URL", "mongodb://socai:se/cret@mongodb:27017/socai")
    code, said = run("list")
    assert code == 2
    assert said.startswith("EVENT_STORE_URL is not a MongoDB connection string")
    assert "cret" not in said

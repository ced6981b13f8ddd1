"""The command line of the event log, on real event stores."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.__main__ import COPY_URL, main
from ledger.event_log import opened
from ledger.store import Ledger
from tests.ledger.stored import movements
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


BAD_URL = "mongodb://socai:se/cret@mongodb:27017/socai"


@pytest.mark.parametrize("words", ["head", "history po_1", "events", "check", "copy --to sqlite:///unused.db"])
def test_a_url_with_a_bare_stroke_in_its_password_is_a_sentence_without_it(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str], words: str
) -> None:
    assert main(words.split(), {**environment, "EVENT_STORE_URL": BAD_URL}) == 1
    said = capsys.readouterr().err
    assert said.startswith("EVENT_STORE_URL is not a MongoDB connection string")
    assert "cret" not in said


Capture = pytest.CaptureFixture[str]
ACCOUNT = "merchant:mer_1:available"


@pytest.fixture
def story(environment: dict[str, str]) -> str:
    """The id of a payout whose story stands in the log."""
    with Ledger.at(environment["EVENT_STORE_URL"], MASTER_KEY, secrets.token_bytes) as ledger:
        told = Story(ledger)
        return told.submitted(told.funded(2_000_000), 1_000_000).id


def listed(capsys: Capture, environment: dict[str, str], *words: str) -> list[tuple[int, str]]:
    """Position and id of the events that a command lists."""
    assert main(["events", "--json", *words], environment) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [(line["position"], line["id"]) for line in lines]


def test_events_are_listed_by_position_forwards_and_backwards(event_log_url: str, capsys: Capture) -> None:
    with opened(event_log_url) as log:
        log.append(list(movements(ACCOUNT, 1_100)))
    only = {"EVENT_STORE_URL": event_log_url}
    everything = [(number, f"{ACCOUNT}@{number}") for number in range(1, 1_101)]
    assert listed(capsys, only) == everything[:50]
    assert listed(capsys, only, "--limit", "5000") == everything
    assert listed(capsys, only, "--limit", "0") == []
    assert listed(capsys, only, "--after", "3", "--before", "6") == everything[3:5]
    assert listed(capsys, only, "--after", "1098") == everything[1_098:]
    assert listed(capsys, only, "--back", "--limit", "2") == everything[:-3:-1]
    assert listed(capsys, only, "--back", "--limit", "5000") == everything[::-1]
    assert listed(capsys, only, "--back", "--after", "3", "--before", "6") == everything[4:2:-1]
    assert listed(capsys, only, "--before", "0", "--back") == []
    placed = [row for row in everything if row[0] % 10 == 0]
    assert listed(capsys, only, "--name", "account.hold_placed", "--limit", "5000") == placed
    assert listed(capsys, only, "--name", "account.hold_placed", "--back", "--limit", "3") == placed[:-4:-1]
    assert listed(capsys, only, "--name", "payout.requested") == []


def test_events_are_listed_by_stream_and_version(environment: dict[str, str], story: str, capsys: Capture) -> None:
    with opened(environment["EVENT_STORE_URL"]) as log:
        versions = [event.originator_version for event in log.stream(story)]
    own = [(0, f"{story}@{version}") for version in versions]
    stream = ("--stream", story)
    assert listed(capsys, environment, *stream) == own
    assert listed(capsys, environment, *stream, "--back") == own[::-1]
    assert listed(capsys, environment, *stream, "--after", "1", "--limit", "1") == own[1:2]
    assert listed(capsys, environment, *stream, "--before", "3") == own[:2]
    assert listed(capsys, environment, *stream, "--name", "payout.submitted", "--limit", "1") == own[-1:]
    assert listed(capsys, environment, "--stream", "po_NOBODY") == []


def test_a_listing_for_people_hides_names(environment: dict[str, str], story: str, capsys: Capture) -> None:
    assert main(["events"], environment) == 0
    people = capsys.readouterr().out
    assert f"{story}@1  at position" in people
    assert "TRAN THI BINH" not in people


def test_a_whole_log_and_one_that_is_not(environment: dict[str, str], story: str, capsys: Capture) -> None:
    assert main(["check"], environment) == 0
    assert capsys.readouterr().out.startswith("whole: ")
    with opened(environment["EVENT_STORE_URL"]) as log:
        head = log.head()
        for number in range(1, 5):
            log.append([StoredEvent(f"x_{number}", 1, "x.happened", b"{}")])
    assert main(["check", "--faults", "2"], environment) == 1
    said = capsys.readouterr().out
    assert f"position {head + 1}: unknown_name: Event x_1@1" in said
    assert "Run the newest release" in said
    assert "NOT whole: 2 faults" in said


def test_a_log_is_copied_verified_and_told_about(
    environment: dict[str, str], another_store_url: str, story: str, capsys: Capture
) -> None:
    to = ("--to", another_store_url)
    assert main(["copy", "--verify-only", *to], environment) == 1
    assert "run the copy" in capsys.readouterr().err
    assert main(["copy", *to], environment) == 0
    with opened(environment["EVENT_STORE_URL"]) as log:
        head = log.head()
    said = capsys.readouterr().out
    assert said.startswith(f"verified: the target is equal to the source up to position {head}, 2 person keys; {head} ")
    assert main(["copy", "--verify-only"], {**environment, COPY_URL: another_store_url}) == 0
    assert "; 0 events copied" in capsys.readouterr().out
    assert main(["copy", "--from", another_store_url, "--to", environment["EVENT_STORE_URL"]], environment) == 0
    with opened(another_store_url) as log:
        log.append([StoredEvent("x", 1, "x.happened", b"{}")])
    assert main(["copy", *to], environment) == 1
    assert "the target is another log, or in use already" in capsys.readouterr().err


def test_addresses_that_are_none_are_named_and_never_repeated(
    environment: dict[str, str], capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = "postgres://socai:geheim@h/db"
    elsewhere = {**environment, "EVENT_STORE_URL": bad}
    attempts = [
        (["head"], elsewhere, "EVENT_STORE_URL"),
        (["events"], elsewhere, "EVENT_STORE_URL"),
        (["check"], {}, "Which event store?"),
        (["check"], elsewhere, "EVENT_STORE_URL"),
        (["copy"], environment, COPY_URL),
        (["copy", "--to", bad], environment, "--to: "),
        (["copy", "--from", bad, "--to", bad], environment, "--from: "),
        (["copy", "--to", environment["EVENT_STORE_URL"]], environment, "the same address"),
        (["check"], {"EVENT_STORE_URL": "mongodb://socai:geheim@h"}, "must name a database"),
    ]
    for words, given, expected in attempts:
        assert main(words, given) == 1
        said = capsys.readouterr().err
        assert expected in said
        assert "geheim" not in said


def test_a_store_that_is_away_is_said_in_a_sentence(capsys: Capture) -> None:
    away = {"EVENT_STORE_URL": "mongodb://socai:geheim@127.0.0.1:1/socai?timeoutMS=200"}
    for words in (["events"], ["check"], ["copy", "--to", away["EVENT_STORE_URL"] + "2"]):
        assert main(words, away) == 1
        said = capsys.readouterr().err
        assert "could not be reached" in said
        assert "geheim" not in said


def test_who_has_seen_enough_of_a_listing_may_close_it(sqlite_events_url: str) -> None:
    with opened(sqlite_events_url) as log:
        log.append(list(movements(ACCOUNT, 2_000)))
    command = [sys.executable, "-m", "ledger", "events", "--json", "--limit", "2000"]
    environment = {**os.environ, "EVENT_STORE_URL": sqlite_events_url}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    assert json.loads(child.stdout.readline())["position"] == 1
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait() == 0


def test_a_number_that_is_none_is_refused(environment: dict[str, str], capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["events", "--after", "-1"], environment)
    assert "must be a number" in capsys.readouterr().err

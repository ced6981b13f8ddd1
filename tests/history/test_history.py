"""Every kind of event ever shipped can still be read, and today's are written byte for byte as they were.

A new kind or schema version needs a specimen: `python -m tests.history.make` writes the missing ones. A specimen that
fails here means that logs out there cannot be read any more: mend the event class, never the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from ledger.aggregate import AGGREGATES, EVENTS, Envelope, Event, Json, decode, encode
from ledger.errors import LogDamaged
from ledger.money import Money
from tests.history.make import FOLDER, faults, file_name, kinds, stored, wanted, write_missing

NAMES = [
    "account.credited",
    "account.debited",
    "account.hold_captured",
    "account.hold_placed",
    "account.hold_released",
    "account.opened",
    "alarm.closed",
    "alarm.raised",
    "bank_notice.kept",
    "bank_notice.replayed",
    "command_receipt.given",
    "completeness.balance_told",
    "completeness.begun",
    "completeness.hole_closed",
    "completeness.hole_noticed",
    "completeness.proved",
    "journal_entry.posted",
    "merchant.api_key_added",
    "merchant.api_key_revoked",
    "merchant.registered",
    "merchant.webhook_endpoint_added",
    "merchant.webhook_endpoint_removed",
    "payment_intent.cancelled",
    "payment_intent.created",
    "payment_intent.expired",
    "payment_intent.overpaid",
    "payment_intent.paid",
    "payment_intent.received_late",
    "payment_intent.reversed",
    "payment_intent.settled",
    "payment_intent.underpaid",
    "payout.accepted",
    "payout.approved",
    "payout.cancelled",
    "payout.confirmed",
    "payout.enquired",
    "payout.escalated",
    "payout.executed",
    "payout.failed",
    "payout.not_sent",
    "payout.outcome_unknown",
    "payout.rejected",
    "payout.requested",
    "payout.returned",
    "payout.submitted",
    "settlement.closed",
    "settlement.released",
    "statement_hint.received",
    "statement_line.balance_told",
    "statement_line.matched",
    "statement_line.recorded",
    "statement_line.reversed",
    "statement_line.unmatched",
    "webhook_delivery.attempt_failed",
    "webhook_delivery.delivered",
]
"""Every stored name. A name is for ever: one is added, never renamed and never taken away."""

SPECIMENS = sorted(FOLDER.glob("*.v*.json"))


def read(file: Path) -> tuple[Envelope, int]:
    """The event of a specimen in today's form, and the schema version it was stored with."""
    name, _, schema = file.name.removesuffix(".json").rpartition(".v")
    return decode(name, f"{name.partition('.')[0]}_a", 1, file.read_bytes()), int(schema)


def test_the_stored_names_are_the_ones_we_know() -> None:
    assert [kind.stored_name for kind in kinds()] == NAMES


def test_every_kind_and_schema_version_has_a_specimen_and_every_specimen_a_kind() -> None:
    assert sorted(wanted(kinds())) == [file.name for file in SPECIMENS]


@pytest.mark.parametrize("file", SPECIMENS, ids=lambda file: file.stem)
def test_a_specimen_can_be_read_and_is_written_again_as_it_was(file: Path) -> None:
    envelope, schema = read(file)
    plain = json.loads(file.read_bytes())
    assert plain["schema"] == schema
    if schema == type(envelope.event).schema_version:
        assert encode(envelope) == file.read_bytes()
    else:
        assert encode(envelope) != file.read_bytes()


@pytest.mark.parametrize("file", SPECIMENS, ids=lambda file: file.stem)
def test_a_specimen_is_canonical_and_shows_every_field(file: Path) -> None:
    stored_bytes = file.read_bytes()
    plain = json.loads(stored_bytes)
    assert json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == stored_bytes
    envelope, schema = read(file)
    assert set(plain) == {"actor", "at", "causation", "command", "correlation", "data", "effective", "schema"}
    if schema == type(envelope.event).schema_version:
        assert set(plain["data"]) == set(type(envelope.event).__struct_fields__)
        assert None not in plain["data"].values()


def test_every_kind_of_aggregate_begins_from_one_of_the_specimens() -> None:
    begun = {file.name.partition(".")[0] for file in SPECIMENS}
    ours = {noun for noun, kind in AGGREGATES.items() if kind.__module__.startswith("ledger.")}
    assert begun == ours


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.stored_name)
def test_every_version_of_a_kind_is_read_as_it_was_meant(kind: type[Event]) -> None:
    assert faults(kind) == []


def moved() -> type[Event]:
    """An event whose schema was raised twice: `dong` became `amount`, then `why` was added."""

    class Moved(Event):
        """Planted."""

        schema_version = 3
        amount: Money
        why: str

        @classmethod
        def upcast(cls, schema: int, data: Json) -> Json:
            if schema == 1:
                return {"amount": {"currency": "VND", "units": data["dong"]}}
            if schema == 2:
                return {**data, "why": "unknown"}
            return super().upcast(schema, data)

    Moved.stored_name = "planted.moved"
    return Moved


@pytest.fixture
def history(tmp_path: Path) -> Iterator[tuple[type[Event], Path]]:
    """The whole history of that event: a specimen of each schema, and what the old ones mean today."""
    kind = moved()
    EVENTS[kind.stored_name] = kind
    (today := tmp_path / "today").mkdir()
    plain = json.loads(stored(kind))
    amount = {"currency": "VND", "units": 5}
    for schema, data in ((1, {"dong": 5}), (2, {"amount": amount}), (3, {"amount": amount, "why": "x"})):
        specimen = {**plain, "schema": schema, "data": data}
        (tmp_path / file_name(kind, schema)).write_bytes(msgspec.json.encode(specimen, order="sorted"))
        if schema < 3:
            (today / file_name(kind, schema)).write_text(json.dumps({"amount": amount, "why": "unknown"}))
    yield kind, tmp_path
    del EVENTS[kind.stored_name]


def test_a_whole_history_has_no_fault(history: tuple[type[Event], Path]) -> None:
    assert faults(*history) == []


def _forgets_a_step(kind: type[Event], folder: Path) -> None:
    kind.upcast = classmethod(Event.upcast.__func__)  # type: ignore[attr-defined,method-assign,assignment]


def _means_something_else(kind: type[Event], folder: Path) -> None:
    (folder / "today" / "planted.moved.v1.json").write_text('{"amount":{"currency":"VND","units":50},"why":"unknown"}')


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (lambda kind, folder: (folder / "planted.moved.v1.json").unlink(), "planted.moved.v1.json is missing"),
        (lambda kind, folder: (folder / "today" / "planted.moved.v2.json").unlink(), "say by hand"),
        (lambda kind, folder: (folder / "planted.moved.v2.json").rename(folder / "planted.moved.v1.json"), "another"),
        (_forgets_a_step, "no way from planted.moved schema 1 to 2"),
        (_means_something_else, "is not read as"),
        (lambda kind, folder: setattr(kind, "schema_version", 4), "planted.moved.v4.json is missing"),
        (lambda kind, folder: (folder / "planted.moved.v3.json").write_bytes(b'{"schema":3}'), "cannot be read"),
    ],
)
def test_a_fault_planted_in_a_history_is_found(
    history: tuple[type[Event], Path], plant: Callable[[type[Event], Path], object], found: str
) -> None:
    plant(*history)
    assert any(found in fault for fault in faults(*history)), faults(*history)


def test_the_build_checks_the_history() -> None:
    check = (FOLDER.parents[1] / "socai").read_text().partition("verb_check()")[2].partition("\n}")[0]
    assert "tests/history" in check


def planted() -> type[Event]:
    """An event of a schema version that nobody has a specimen of."""

    class Held(Event):
        """Planted: not part of any aggregate, so the log never knows it."""

        schema_version = 2
        why: str

    Held.stored_name = "planted.held"
    return Held


def test_a_kind_without_a_specimen_is_noticed() -> None:
    missing = set(wanted([*kinds(), planted()])) - {file.name for file in SPECIMENS}
    assert missing == {"planted.held.v1.json", "planted.held.v2.json"}


def test_missing_specimens_are_written_and_one_that_is_there_never(tmp_path: Path) -> None:
    kind = kinds()[0]
    assert write_missing([kind], tmp_path) == [file_name(kind, kind.schema_version)]
    file = tmp_path / file_name(kind, kind.schema_version)
    assert file.read_bytes() == stored(kind)
    file.write_bytes(b"as it was")
    assert write_missing([kind, planted()], tmp_path) == ["planted.held.v2.json"]
    assert file.read_bytes() == b"as it was"


def test_a_field_of_a_loose_type_has_no_specimen() -> None:
    class Loose(Event):
        """Planted."""

        rate: float

    with pytest.raises(TypeError, match="rate"):
        stored(Loose)


def test_a_change_of_what_is_stored_is_noticed() -> None:
    plain = json.loads((FOLDER / "payout.approved.v1.json").read_bytes())
    for changed in ({**plain, "data": {"by": "x", "extra": 1}}, dict(reversed(plain.items()))):
        altered = json.dumps(changed, separators=(",", ":"), ensure_ascii=False).encode()
        assert encode(decode("payout.approved", "payout_a", 1, altered)) != altered
    renamed = json.dumps({**plain, "data": {"said_by": "x"}}).encode()
    with pytest.raises(LogDamaged):
        decode("payout.approved", "payout_a", 1, renamed)

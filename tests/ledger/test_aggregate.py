"""Events, envelopes and folds: the stored bytes are canonical, and the same bytes always lead to the same state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.aggregate import AGGREGATES, Aggregate, Envelope, Event, Json, Snapshot, decode, encode, follows
from ledger.calendar import ICT
from ledger.context import Context
from ledger.errors import EventUnknown, EventUnreadable, LogDamaged
from ledger.money import Money
from ledger.payouts import Payout
from tests.ledger.folded import digests, told
from tests.story import Story, dong

ROOT = Path(__file__).parents[2]
STORY = told()
LOG = STORY.log()


class Planted(Aggregate):
    """An aggregate of the tests: one event with every kind of field, one whose schema has changed twice."""

    words: list[str]
    amount: Money
    seen_at: datetime | None

    class Happened(Event):
        """Every kind of field that events have."""

        text: str
        number: int
        sure: bool
        amount: Money
        at: datetime
        on: date
        words: tuple[str, ...]
        perhaps: str | None = None

    class Renamed(Event):
        """Schema 1 said `dong`, schema 2 said `amount`, schema 3 says why as well."""

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

    @follows(Happened)
    def _happened(self, event: Happened, envelope: Envelope) -> None:
        self.words = [*event.words, event.text]
        self.amount = event.amount
        self.seen_at = envelope.at

    @follows(Renamed)
    def _renamed(self, event: Renamed, envelope: Envelope) -> None:
        self.amount = event.amount
        self.words = [event.why]


instants = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
happened = st.builds(
    Planted.Happened,
    text=st.text(),
    number=st.integers(-(2**63), 2**63 - 1),
    sure=st.booleans(),
    amount=st.builds(Money, st.integers(-(10**15), 10**15)),
    at=instants,
    on=st.dates(),
    words=st.lists(st.text(), max_size=3).map(tuple),
    perhaps=st.none() | st.text(),
)
contexts = st.builds(
    Context,
    at=instants,
    actor=st.text(),
    command_id=st.text(),
    correlation_id=st.text(),
    causation_id=st.none() | st.text(),
)


def one(event: Event, context: Context | None = None) -> Envelope:
    aggregate = Planted("planted_1")
    aggregate.trigger_event(event, context or Story().context())
    return aggregate.collect_events()[0]


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@given(happened, contexts, st.dates())
def test_stored_bytes_are_what_the_standard_library_writes(
    event: Planted.Happened, context: Context, effective_on: date
) -> None:
    aggregate = Planted("planted_1")
    aggregate.trigger_event(event, context, effective_on=effective_on)
    (envelope,) = aggregate.collect_events()
    expected = {
        "actor": context.actor,
        "at": iso(context.at),
        "causation": context.causation_id,
        "command": context.command_id,
        "correlation": context.correlation_id,
        "effective": effective_on.isoformat(),
        "schema": 1,
        "data": {
            "text": event.text,
            "number": event.number,
            "sure": event.sure,
            "amount": {"units": event.amount.units, "currency": "VND"},
            "at": iso(event.at),
            "on": event.on.isoformat(),
            "words": list(event.words),
            "perhaps": event.perhaps,
        },
    }
    stored = encode(envelope)
    assert stored == json.dumps(expected, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert decode("planted.happened", "planted_1", 1, stored) == envelope
    assert encode(decode("planted.happened", "planted_1", 1, stored)) == stored


def test_every_real_event_is_stored_in_that_form_too() -> None:
    recorder = STORY.ledger.recorder
    for row in recorder.select_notifications(start=1, limit=100_000):
        plain = json.loads(row.state)
        assert json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == row.state


def test_no_event_has_room_for_a_float_or_for_anything_at_all() -> None:
    def kinds_in(kind: Any) -> set[str]:
        inside = msgspec.inspect.type_info(kind)
        found, left = set(), [inside]
        while left:
            part = left.pop()
            found.add(type(part).__name__)
            left += [field.type for field in getattr(part, "fields", ())]
            left += getattr(part, "types", ()) + getattr(part, "item_types", ())
            left += [part.item_type] if hasattr(part, "item_type") else []
        return found

    class Loose(msgspec.Struct):
        rate: tuple[float | None, ...]
        data: dict[str, Any]

    loose = {"FloatType", "AnyType", "DictType", "DecimalType", "RawType"}
    assert kinds_in(Loose) & loose == {"FloatType", "DictType"}
    for kind in ours():
        for event in events_of(kind):
            assert not kinds_in(event) & loose, event.stored_name


def ours() -> list[type[Aggregate]]:
    return [kind for kind in AGGREGATES.values() if kind.__module__.startswith("ledger.")]


def events_of(kind: type[Aggregate]) -> list[type[Event]]:
    return [value for value in vars(kind).values() if isinstance(value, type) and issubclass(value, Event)]


def test_the_envelope_says_when_who_and_as_part_of_what() -> None:
    context = Context(
        at=datetime(2026, 11, 24, 0, 30, tzinfo=ICT),
        actor="operator:linh",
        command_id="cmd_1",
        correlation_id="cor_1",
        causation_id="po_1@3",
    )
    envelope = one(Planted.Renamed(amount=dong(5), why="x"), context)
    assert (envelope.id, envelope.name, envelope.schema) == ("planted_1@1", "planted.renamed", 3)
    assert (envelope.at, envelope.effective_on) == (datetime(2026, 11, 23, 17, 30, tzinfo=UTC), date(2026, 11, 24))
    assert (envelope.actor, envelope.command_id) == ("operator:linh", "cmd_1")
    assert (envelope.correlation_id, envelope.causation_id) == ("cor_1", "po_1@3")
    assert (envelope.originator_id, envelope.originator_version, envelope.position) == ("planted_1", 1, 0)


def test_replaying_a_log_gives_the_state_that_the_decisions_left() -> None:
    for stream in {envelope.stream for envelope in LOG}:
        folded: Aggregate | None = None
        for envelope in LOG:
            if envelope.stream == stream:
                folded = envelope.mutate(folded)
        assert folded is not None
        assert vars(folded) == vars(STORY.ledger.get(type(folded), stream))


def test_a_decision_and_its_replay_agree_before_anything_is_kept() -> None:
    decided = Planted("planted_1")
    decided.trigger_event(Planted.Renamed(amount=dong(5), why="x"), Story().context())
    decided.trigger_event(Planted.Renamed(amount=dong(6), why="y"), Story().context())
    again, was_new = Planted("planted_1"), decided.is_new
    for envelope in decided.collect_events():
        again.follow(envelope)
    assert decided.collect_events() == []
    assert (was_new, decided.is_new) == (True, False)
    assert vars(again) == vars(decided)


@pytest.mark.parametrize(
    "place",
    [("planted_1", 2), ("planted_1", 0), ("planted_1", 4), ("planted_2", 3)],
    ids=["repeated", "from the past", "after a hole", "of another stream"],
)
def test_an_event_that_is_not_the_next_of_its_stream_stops_the_fold(place: tuple[str, int]) -> None:
    aggregate = Planted("planted_1")
    for why in ("x", "y"):
        aggregate.trigger_event(Planted.Renamed(amount=dong(5), why=why), Story().context())
    stray = msgspec.structs.replace(aggregate.collect_events()[0], stream=place[0], version=place[1])
    before = dict(vars(aggregate))
    with pytest.raises(LogDamaged):
        aggregate.follow(stray)
    assert vars(aggregate) == before


def test_an_event_of_another_kind_of_aggregate_stops_the_fold() -> None:
    stray = msgspec.structs.replace(one(Planted.Renamed(amount=dong(5), why="x")), stream="po_1")
    with pytest.raises(LogDamaged):
        Payout("po_1").follow(stray)


def stored_as(schema: object, data: Json) -> bytes:
    envelope = one(Planted.Renamed(amount=dong(5), why="x"))
    return msgspec.json.encode({**json.loads(encode(envelope)), "schema": schema, "data": data}, order="sorted")


@pytest.mark.parametrize(
    ("schema", "data", "why"),
    [
        (1, {"dong": 150_000}, "unknown"),
        (2, {"amount": {"currency": "VND", "units": 150_000}}, "unknown"),
        (3, {"amount": {"currency": "VND", "units": 150_000}, "why": "late"}, "late"),
    ],
)
def test_a_payload_of_an_older_schema_is_read_in_todays_form(schema: int, data: Json, why: str) -> None:
    envelope = decode("planted.renamed", "planted_1", 1, stored_as(schema, data), position=9)
    assert envelope.event == Planted.Renamed(amount=dong(150_000), why=why)
    assert (envelope.schema, envelope.position) == (3, 9)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("planted.renamed", stored_as(0, {"dong": 1})),
        ("planted.renamed", stored_as(4, {"amount": {"currency": "VND", "units": 1}, "why": "x"})),
        ("planted.renamed", stored_as("1", {"dong": 1})),
        ("planted.renamed", stored_as(3, {"amount": {"currency": "VND", "units": 1}})),
        ("planted.renamed", stored_as(3, {"amount": {"currency": "VND", "units": 1.5}, "why": "x"})),
        ("planted.renamed", stored_as(2, {})),
        ("planted.renamed", b'{"schema":1}'),
        ("planted.renamed", b"[]"),
        ("planted.renamed", b"null"),
        ("planted.renamed", b'{"actor":'),
        ("planted.renamed", b'{"actor":"\xff"}'),
        ("planted.renamed", b""),
        ("planted.forgotten", stored_as(3, {"amount": {"currency": "VND", "units": 1}, "why": "x"})),
    ],
)
def test_bytes_that_do_not_fit_stop_the_reader_with_a_name_for_it(name: str, stored: bytes) -> None:
    with pytest.raises(LogDamaged):
        decode(name, "planted_1", 1, stored)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("planted.forgotten", stored_as(3, {"amount": {"currency": "VND", "units": 1}, "why": "x"})),
        ("planted.renamed", stored_as(4, {"amount": {"currency": "VND", "units": 1}, "why": "x"})),
        ("planted.renamed", stored_as(9, {"of a form": ["nobody", "knows"]})),
    ],
)
def test_what_a_newer_release_wrote_is_refused_with_the_cure(name: str, stored: bytes) -> None:
    with pytest.raises(EventUnknown, match="install that release or a later one") as refused:
        decode(name, "planted_1", 1, stored)
    assert "planted_1@1" in refused.value.detail
    assert "nobody" not in refused.value.detail


def test_what_was_altered_is_refused_without_being_quoted() -> None:
    altered = stored_as(3, {"amount": {"currency": "VND", "units": "0912345678"}, "why": "x"})
    for stored in (
        altered,
        stored_as(2, {"amount": "0912345678"}),
        stored_as(1, {"đồng": "0912345678"}),
        b"0912345678",
    ):
        with pytest.raises(EventUnreadable, match="retry") as refused:
            decode("planted.renamed", "planted_1", 1, stored)
        assert "0912345678" not in refused.value.detail


def test_an_event_without_a_way_from_its_old_schema_stops_the_reader() -> None:
    with pytest.raises(EventUnreadable, match=r"no way from planted\.happened schema 1 to 2"):
        Planted.Happened.upcast(1, {})


def test_an_event_class_that_nothing_follows_cannot_be_defined() -> None:
    with pytest.raises(TypeError, match="Unheard"):

        class Deaf(Aggregate):
            class Unheard(Event):
                """Planted."""

    AGGREGATES.pop("deaf")


def test_every_aggregate_of_the_story_comes_back_from_its_snapshot() -> None:
    kinds = set()
    for stream, name in {envelope.stream: envelope.name for envelope in LOG}.items():
        kind = AGGREGATES[name.partition(".")[0]]
        aggregate = STORY.ledger.get(kind, stream)
        snapshot = Snapshot.take(aggregate)
        thawed = Snapshot(
            originator_id=snapshot.originator_id,
            originator_version=snapshot.originator_version,
            noun=snapshot.noun,
            state=msgspec.json.decode(msgspec.json.encode(snapshot.state)),
        )
        again = thawed.mutate(None)
        assert type(again) is kind
        assert vars(again) == vars(aggregate)
        kinds.add(kind.noun)
    assert kinds >= {"account", "payout", "payment_intent", "statement_line", "settlement", "merchant", "journal_entry"}


def test_an_event_cannot_be_changed() -> None:
    event: Any = Planted.Renamed(amount=dong(5), why="x")
    with pytest.raises(AttributeError):
        event.why = "y"


def in_another_process(**variables: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.ledger.folded"],
        cwd=ROOT,
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return finished.stdout.strip()


def test_the_fold_is_the_same_in_every_time_zone_language_and_hash_order() -> None:
    here = " ".join(digests(told()))
    assert in_another_process(PYTHONHASHSEED="1", TZ="America/New_York", LC_ALL="tr_TR.UTF-8") == here
    assert in_another_process(PYTHONHASHSEED="4242", TZ="Asia/Ho_Chi_Minh", LC_ALL="C") == here


@pytest.mark.parametrize("change", [lambda story: story.passes(seconds=1), lambda story: story.merchant()])
def test_another_story_has_another_digest(change: Callable[[Story], object]) -> None:
    story = told()
    change(story)
    story.merchant()
    other = told()
    other.merchant()
    assert digests(story) != digests(other)

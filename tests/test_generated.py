"""The generated month is what the commands would have stored, and books that are right."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from itertools import groupby, islice
from pathlib import Path

import msgspec
import pytest
from eventsourcing.persistence import Notification, StoredEvent

from ledger.aggregate import decode
from ledger.journal import JournalEntry
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections.database import open_database
from projections.follower import run_round
from projections.journal import trial_balance
from projections.places import places
from projections.projection import PROJECTIONS
from tests.generated import BANK_ACCOUNTS, DELIVERED, MERCHANTS, SEED, SHARES, appends, events
from tests.generating import flows
from tests.generating.flows import FLOWS, GIVEN_UP, Flow, Recording, body_of
from tests.generating.settlement import Names, Paid, settlement
from tests.generating.templates import Telling, Template
from tests.story import MASTER_KEY, START, counted_bytes

SOME = 6_000

Sequence_ = tuple[str, ...]


def _digest(seed: int) -> str:
    digest = hashlib.sha256()
    for event in events(SOME, seed):
        digest.update(
            b"%s %d %s " % (str(event.originator_id).encode(), event.originator_version, event.topic.encode())
        )
        digest.update(event.state)
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_log_and_another_another() -> None:
    assert _digest(SEED) == _digest(SEED) != _digest(SEED + 1)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_flow_told_with_its_own_names_is_what_the_commands_stored(flow: Flow) -> None:
    recording, begin = flows.recorded(flow, 250_000)
    template = Template(recording.steps, begin, [flows.BANK])
    own = {name: name for name in template.names}
    told = [(at, _told(event)) for at, found in Telling(template, begin, own, iter(())).steps() for event in found]
    assert told == [(at, _told(event)) for at, found in recording.steps for event in found]
    bank = {flows.BANK: b"ba_of_another"}
    other = list(Telling(template, begin, bank, iter(b"%026d" % n for n in range(99))).steps())
    names = [name for name in template.names if not name.startswith(b"cmd_")]
    assert not [event for _, found in other for event in found if any(name in event.state for name in names)]


def _told(event: Notification | StoredEvent) -> tuple[object, ...]:
    return (event.originator_id, event.originator_version, event.topic, event.state)


def test_every_command_of_the_month_stores_what_the_commands_did_and_every_stream_goes_on_as_theirs() -> None:
    by_command, by_stream = _stored_by_commands()
    streams: dict[str, list[str]] = {}
    for found in islice(appends(10 * SOME), 2 * SOME):
        assert _told_apart(event.topic for event in found) in by_command
        for event in found:
            streams.setdefault(str(event.originator_id), []).append(event.topic)
    beginnings = {names[:length] for names in by_stream for length in range(len(names) + 1)}
    # An account takes whatever comes, in any order.
    told = {tuple(names) for stream, names in streams.items() if not stream.startswith("merchant:")}
    assert told - beginnings == set()
    assert len(told & by_stream) > 25


def _stored_by_commands() -> tuple[set[Sequence_], set[Sequence_]]:
    """The names of events that a command stores, and those of a stream, wherever commands were given."""
    begun, failures = Recording(), [failures for _, failures in DELIVERED]
    begun.merchant = begun.story.merchant()
    begun.keep()
    flows.add_endpoint(begun)
    recordings = [begun, flows.settled([100_000])[0], *(flows.told(often)[0] for often in failures)]
    recordings += [flows.recorded(flow, 250_000)[0] for flow in FLOWS]
    by_command: set[Sequence_] = set()
    by_stream: set[Sequence_] = set()
    for recording in recordings:
        streams: dict[str, list[str]] = {}
        for _, found in recording.steps:
            by_command.add(_told_apart(event.topic for event in found))
            for event in found:
                streams.setdefault(str(event.originator_id), []).append(event.topic)
        by_stream |= {tuple(names) for names in streams.values()}
    by_stream |= {(*names, "payment_intent.settled") for names in by_stream if names[0] == "payment_intent.created"}
    return by_command, by_stream


def _told_apart(names: Iterable[str]) -> Sequence_:
    """Names of events, those that follow each other alike once: a settlement marks any number of payments."""
    return tuple(name for name, _ in groupby(names))


def test_a_settlement_is_what_the_commands_store() -> None:
    recording, intents, begin = flows.settled([100_000, 250_000, 49_000])
    stored = [event for _, found in recording.steps for event in found]
    data = [msgspec.json.decode(event.state) for event in stored]
    lines = data[0]["data"]["lines"]
    paid = [
        Paid(intent.id, 2, line["gross"]["units"], line["fee"]["units"])
        for intent, line in zip(intents, lines, strict=True)
    ]
    names = Names(str(stored[0].originator_id), data[4]["data"]["entry_id"], data[0]["command"], data[4]["command"])
    made = [event for _, found in settlement(paid, recording.merchant, names, begin) for event in found]
    assert [(one.originator_id, one.topic, one.state) for one in made] == [
        (one.originator_id, one.topic, one.state) for one in stored
    ]


def test_every_read_model_takes_all_of_it_in_and_the_books_are_right(tmp_path: Path) -> None:
    ledger = Ledger.at(f"sqlite:///{tmp_path / 'log.db'}", MASTER_KEY, counted_bytes(), keys=KeysInMemory())
    ledger.recorder.insert_events(list(events(SOME)))
    database = open_database(f"sqlite:///{tmp_path / 'read.db'}")
    while run_round(ledger, database, START, 1_000).applied:
        pass
    found = places(database)
    assert {place.position for place in found.values()} == {SOME}
    assert not [name for name, place in found.items() if place.aside or place.failing]
    assert {debit - credit for debit, credit in trial_balance(database).totals().values()} == {0}
    assert found.keys() == PROJECTIONS.keys()
    database.close()
    ledger.close()


def test_streams_have_no_gap_entries_sum_to_nothing_and_no_account_is_overdrawn() -> None:
    versions: Counter[str] = Counter()
    available: Counter[str] = Counter()
    signs = {"credited": 1, "hold_released": 1, "hold_placed": -1, "debited": -1}
    for event in events(4 * SOME):
        stream = str(event.originator_id)
        versions[stream] += 1
        assert event.originator_version == versions[stream]
        envelope = decode(event.topic, stream, event.originator_version, event.state)
        if isinstance(envelope.event, JournalEntry.Posted):
            assert sum(posting.amount.units for posting in envelope.event.postings) == 0
        noun, _, what = event.topic.partition(".")
        if noun == "account" and what in signs:
            available[stream] += signs[what] * envelope.event.amount.units  # type: ignore[attr-defined]
            assert available[stream] >= 0


def test_the_mix_is_the_one_that_is_documented() -> None:
    assert sum(flow.weight for flow in FLOWS) == 10_000
    seen = Counter(event.topic for event in events(10 * SOME))
    share = {name: count / (10 * SOME) for name, count in seen.items()}
    assert 0.07 < share["payment_intent.created"] < 0.10
    assert 0.6 < share["payment_intent.paid"] / share["payment_intent.created"] < 0.95
    assert 0.08 < share["payment_intent.expired"] / share["payment_intent.created"] < 0.14
    assert 0.005 < share["payout.requested"] < 0.02
    delivered, failed = share["webhook_delivery.delivered"], share["webhook_delivery.attempt_failed"]
    assert 0.05 < failed / delivered < 0.12
    kinds = Counter(name.partition(".")[0] for name in seen.elements())
    # A short log has as many merchants to settle, and they begin with nothing to pay out.
    rough = {"settlement": 5, "account": 2, "payout": 1.5, "alarm": 2}
    for kind, of_a_hundred in SHARES.items():
        found = kinds[kind] / (10 * SOME) * 100
        assert of_a_hundred / rough.get(kind, 1.2) < found < of_a_hundred * rough.get(kind, 1.2), kind


def test_merchants_are_unequal_and_have_three_banks() -> None:
    created = [
        msgspec.json.decode(event.state)["data"]
        for event in events(10 * SOME)
        if event.topic == "payment_intent.created"
    ]
    of_merchants = Counter(one["merchant_id"] for one in created)
    assert MERCHANTS * 0.9 < len(of_merchants) <= MERCHANTS
    assert of_merchants.most_common(1)[0][1] > 20 * sorted(of_merchants.values())[len(of_merchants) // 2]
    assert {one["bank_account_id"].encode() for one in created} == set(BANK_ACCOUNTS)


def test_appends_lie_in_order_of_time_and_hold_what_one_command_stores() -> None:
    some = list(islice(appends(SOME), 500))
    at = [msgspec.json.decode(found[0].state)["at"] for found in some]
    assert at == sorted(at)
    assert {len({msgspec.json.decode(one.state)["command"] for one in found}) for found in some} == {1}


def test_the_name_of_an_id_is_what_stands_behind_its_prefix() -> None:
    assert body_of("pi_ABCDEFGH") == b"ABCDEFGH"


def test_a_delivery_is_given_up_when_its_ladder_ends() -> None:
    recording, _ = flows.told(GIVEN_UP)
    ends = [msgspec.json.decode(found[0].state)["data"]["next_at"] is None for _, found in recording.steps]
    assert ends == [False] * (GIVEN_UP - 1) + [True]


def test_every_movement_of_a_bank_has_a_reference_of_its_own() -> None:
    lines = [
        msgspec.json.decode(event.state)["data"] for event in events(SOME) if event.topic == "statement_line.recorded"
    ]
    references = Counter(line["bank_reference"] for line in lines if not line["is_reversal"])
    assert references.most_common(1)[0][1] == 1

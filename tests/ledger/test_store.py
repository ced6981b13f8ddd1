"""The Ledger: several aggregates kept all or nothing, read at any version, followed in order."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Iterator

import pytest
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
)

from commands.payments import CancelPaymentIntent
from ledger import accounts
from ledger.accounts import Account
from ledger.errors import (
    EventStoreUnavailable,
    EventUnknown,
    EventUnreadable,
    LogDamaged,
    NotFound,
    PayoutNotFound,
)
from ledger.payouts import Payout
from ledger.privacy import KeysInMemory
from ledger.settings import read_settings
from ledger.store import Ledger, reachable
from tests.story import MASTER_KEY, Story, counted_bytes, dong, ledger_in_memory

NAME = accounts.available("mer_1")


def opened(story: Story, name: str = NAME) -> Account:
    return Account.open(story.context(), name=name, currency="VND")


def credited(story: Story, account: Account, units: int = 5) -> Account:
    account.credit(story.context(), amount=dong(units), entry_id="je_1")
    return account


def test_what_was_kept_is_found_again_as_it_was() -> None:
    story = Story()
    account = credited(story, opened(story))
    assert story.ledger.keep(account) == 2
    found = story.ledger.get(Account, NAME)
    assert (found.id, found.version, found.posted, found.is_new) == (NAME, 2, dong(5), False)
    assert [envelope.id for envelope in story.ledger.history(NAME)] == [f"{NAME}@1", f"{NAME}@2"]
    assert story.ledger.head() == 2


def test_several_aggregates_are_kept_all_or_nothing() -> None:
    story = Story()
    story.ledger.keep(opened(story))
    stale, fresh = story.ledger.get(Account, NAME), story.ledger.get(Account, NAME)
    story.ledger.keep(credited(story, fresh))
    other = opened(story, accounts.available("mer_2"))
    with pytest.raises(IntegrityError):
        story.ledger.keep(other, credited(story, stale))
    assert story.ledger.find(Account, other.id) is None
    assert story.ledger.head() == 2
    assert story.ledger.get(Account, NAME).posted == dong(5)


@pytest.mark.parametrize(
    ("name", "change", "refusal"),
    [
        ("account.levitated", {}, EventUnknown),
        ("account.credited", {"schema": 2}, EventUnknown),
        ("account.credited", {"data": {}}, EventUnreadable),
    ],
)
def test_an_aggregate_with_an_event_that_cannot_be_read_is_refused_and_nothing_is_decided_from_it(
    name: str, change: dict[str, object], refusal: type[LogDamaged]
) -> None:
    story = Story()
    story.ledger.keep(credited(story, opened(story)))
    plain = json.loads(story.ledger.recorder.select_events(NAME)[1].state)
    state = json.dumps({**plain, **change}).encode()
    story.ledger.recorder.insert_events([StoredEvent(NAME, 3, name, state)])
    for _ in range(2):
        with pytest.raises(refusal, match="retry"):
            story.ledger.get(Account, NAME)
    with pytest.raises(refusal):
        story.ledger.history(NAME)
    assert story.ledger.head() == 3


def test_a_command_about_a_stream_of_a_newer_release_writes_nothing() -> None:
    story = Story()
    intent = story.intent(story.merchant(), 1_000)
    story.ledger.recorder.insert_events([StoredEvent(intent.id, 2, "payment_intent.levitated", b"{}")])
    before = story.ledger.head()
    with pytest.raises(EventUnknown):
        story.when(CancelPaymentIntent(merchant_id=intent.merchant_id, payment_intent_id=intent.id, reason="x"))
    assert story.ledger.head() == before


def test_a_stream_cannot_be_created_twice() -> None:
    story = Story()
    story.ledger.keep(opened(story))
    with pytest.raises(IntegrityError):
        story.ledger.keep(opened(story))


def test_keeping_nothing_gives_the_head_and_events_are_kept_once() -> None:
    story = Story()
    assert (story.ledger.head(), story.ledger.keep()) == (0, 0)
    account = opened(story)
    assert [story.ledger.keep(account), story.ledger.keep(account)] == [1, 1]
    assert len(story.log()) == 1


@pytest.mark.parametrize(("version", "units"), [(1, 0), (2, 5), (3, 10), (None, 10)])
def test_an_aggregate_is_found_as_it_was_at_a_version(version: int | None, units: int) -> None:
    story = Story()
    story.ledger.keep(credited(story, credited(story, opened(story))))
    found = story.ledger.find(Account, NAME, version)
    assert found is not None
    assert (found.posted, found.version) == (dong(units), version or 3)


def test_what_is_not_there_or_is_another_kind_is_not_found() -> None:
    story = Story()
    story.ledger.keep(opened(story))
    assert story.ledger.find(Account, "account_9") is None
    assert story.ledger.find(Payout, NAME) is None
    with pytest.raises(PayoutNotFound) as refusal:
        story.ledger.get(Payout, NAME, PayoutNotFound)
    assert refusal.value.facts == {"id": NAME}
    with pytest.raises(NotFound, match="account"):
        story.ledger.get(Account, "account_9")


def test_two_readers_of_one_stream_do_not_share_what_they_read() -> None:
    story = Story()
    story.ledger.keep(opened(story))
    credited(story, story.ledger.get(Account, NAME))
    assert story.ledger.get(Account, NAME).posted == dong(0)


def test_events_are_stored_under_their_names_and_never_a_python_path() -> None:
    story = Story()
    story.ledger.keep(credited(story, opened(story)))
    stored = story.ledger.recorder.select_notifications(start=1, limit=10)
    assert [row.topic for row in stored] == ["account.opened", "account.credited"]


def with_many_events(ledger: Ledger, events: int) -> Story:
    story = Story(ledger)
    account = opened(story)
    for _ in range(events - 1):
        credited(story, account, 1)
        if account.version % 10 == 0:
            story.ledger.keep(account)
    story.ledger.keep(account)
    return story


def test_a_busy_account_is_what_its_events_say_at_every_version() -> None:
    story = with_many_events(ledger_in_memory(), 215)
    found = story.ledger.get(Account, NAME)
    assert (found.posted, found.version) == (dong(214), 215)
    again = Account(NAME)
    for envelope in story.ledger.history(NAME):
        again.follow(envelope)
    assert vars(again) == vars(found)
    early = story.ledger.find(Account, NAME, 150)
    assert early is not None
    assert (early.posted, early.version) == (dong(149), 150)


def test_the_environment_of_the_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PERSISTENCE_MODULE",
        "LEDGER_PERSISTENCE_MODULE",
        "EVENT_STORE_URL",
        "COMPRESSOR_TOPIC",
        "CIPHER_TOPIC",
    ):
        monkeypatch.setenv(name, "no.such.module")
    monkeypatch.setenv("CREATE_TABLE", "n")
    monkeypatch.setenv("IS_SNAPSHOTTING_ENABLED", "n")
    story = with_many_events(ledger_in_memory(), 100)
    assert set(story.ledger.env.values()) == {"eventsourcing.popo"}


@pytest.fixture
def real(event_log_url: str) -> Iterator[Story]:
    """A story on a real store."""
    settings = read_settings(
        {
            "EVENT_STORE_URL": event_log_url,
            "READ_TABLES_URL": "sqlite:///unused",
            "REDIS_URL": "redis://unused",
            "SOCAI_MASTER_KEY": b64encode(MASTER_KEY).decode(),
            "SOCAI_BANK_ACCOUNTS": "unused",
        }
    )
    with Ledger.open(settings, secrets.token_bytes) as ledger:
        yield Story(ledger)


def test_the_log_is_followed_in_order_by_name_and_from_any_place(real: Story) -> None:
    merchant_id = real.funded(1_000_000)
    payout = real.requested(merchant_id, 100_000)
    everything = list(real.ledger.follow(section=3))
    assert [envelope.position for envelope in everything] == list(range(1, real.ledger.head() + 1))
    assert everything == real.log()
    assert list(real.ledger.follow(after=4)) == everything[4:]
    assert real.ledger.read(0, 2) == everything[:2]
    assert [e.stream for e in real.ledger.read(0, 100, ["payout.requested"])] == [payout.id]
    assert list(real.ledger.follow(after=real.ledger.head())) == []


def test_several_streams_are_found_in_one_reading_as_they_are_one_by_one(real: Story) -> None:
    for story in (real, Story()):
        merchant_id = story.funded(2_000_000)
        payout = story.submitted(merchant_id, 1_000_000)
        streams = [payout.id, merchant_id, "po_9"]
        found = story.ledger.find_all(streams)
        assert found.keys() == {payout.id, merchant_id}
        for stream, aggregate in found.items():
            assert vars(aggregate) == vars(story.ledger.get(type(aggregate), stream))
        assert story.ledger.find_all([]) == {}


def test_waiting_ends_at_once_when_there_is_news_and_says_when_there_is_none(real: Story) -> None:
    real.merchant()
    assert real.ledger.wait(after=0, timeout_s=30) is True
    assert real.ledger.wait(after=real.ledger.head(), timeout_s=0.01) is False


def test_the_same_story_leaves_the_same_bytes_in_memory_and_on_a_real_store(event_log_url: str) -> None:
    def stored(ledger: Ledger) -> list[tuple[object, ...]]:
        story = Story(ledger)
        story.submitted(story.funded(1_000_000), 100_000)
        rows = ledger.recorder.select_notifications(start=1, limit=1_000)
        return [(row.id, row.originator_id, row.originator_version, row.topic, row.state) for row in rows]

    keys = KeysInMemory()
    with Ledger.at(event_log_url, MASTER_KEY, counted_bytes(), keys) as ledger:
        assert stored(ledger) == stored(ledger_in_memory())


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://socai:geheim@127.0.0.1:1/socai?timeoutMS=200",
        "mysql://socai:geheim@127.0.0.1:1/socai",
        "sqlite:////geheim/nowhere/events.db",
    ],
)
def test_a_store_out_of_reach_is_named_and_the_address_is_not_told(url: str) -> None:
    with (
        pytest.raises(EventStoreUnavailable) as refusal,
        Ledger.at(url, MASTER_KEY, counted_bytes(), KeysInMemory()) as ledger,
    ):
        ledger.head()
    assert "geheim" not in str(refusal.value)


@pytest.mark.parametrize(
    "fault",
    [
        OperationalError("The disk is full: free some space."),
        NotSupportedError("Start mongod with --replSet rs0."),
        ProgrammingError("Create the tables with CREATE_TABLE=y."),
        InternalError("The file is damaged: restore it from a backup."),
    ],
    ids=str,
)
def test_the_cure_that_a_store_names_reaches_who_asked(fault: PersistenceError) -> None:
    with pytest.raises(EventStoreUnavailable) as refusal, reachable():
        raise fault
    assert refusal.value.detail.startswith(str(fault))
    assert ("Nothing accepted is lost" in refusal.value.detail) is isinstance(fault, OperationalError)


@pytest.mark.parametrize("fault", [DataError, IntegrityError])
def test_what_no_second_try_can_mend_is_not_called_unavailable(fault: type[PersistenceError]) -> None:
    with pytest.raises(fault), reachable():
        raise fault("No.")


def test_an_event_that_no_store_takes_is_not_called_unavailable(event_log_url: str) -> None:
    with (
        Ledger.at(event_log_url, MASTER_KEY, counted_bytes(), KeysInMemory()) as ledger,
        pytest.raises(DataError, match="shorter"),
        reachable(),
    ):
        ledger.recorder.insert_events([StoredEvent("p" * 256, 1, "payout.requested", b"{}")])


def test_a_server_that_is_not_there_is_told_with_the_cure() -> None:
    url = "mongodb://127.0.0.1:1/socai?replicaSet=rs0&timeoutMS=200"
    with (
        Ledger.at(url, MASTER_KEY, counted_bytes(), KeysInMemory()) as ledger,
        pytest.raises(EventStoreUnavailable, match=r"Is the server running.*rs\.initiate"),
    ):
        ledger.head()


def test_a_store_of_an_unknown_make_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(InterfaceError):
        Ledger.at("postgres://h/db", MASTER_KEY, counted_bytes(), KeysInMemory())

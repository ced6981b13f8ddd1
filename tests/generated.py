"""A modelled month of a payment gateway, of any length, the same for the same seed.

200 merchants, few of them large (the n-th has 1/n of the traffic of the first), each with one webhook endpoint, are
paid to three bank accounts. Flows begin as people buy: most from eight to twenty-two o'clock in Vietnam, few at night.
Of ten thousand, 7,000 are paid as expected, 900 expire, 300 are cancelled, 380 are paid in two, too much, too little,
late, by hand or are taken back, 104 credits have no code, 16 debits are not ours, and 1,300 are payouts, of which 110
do not go straight (`tests/generating/flows.py`). Every public event is told to its merchant: of a thousand 950 at once,
40 after a failure, 9 after three, and one is given up after three days. At 18:00 payments of a merchant are settled, up
to 200 at a time, and released ten minutes later; a payout is asked for when there is enough for it.

Of a million events 29 in 100 are about webhooks, 27 about payment intents, 19 about statement lines, 12 are journal
entries, 8 are about payouts, 3 about the guarded accounts, 1 about settlements, and 2 in 10,000 are alarms (`SHARES`).
A shorter log is as long a month with less traffic: it has more settlements and fewer payouts.

What is stored for each flow was stored by the commands, once; here it gets other names and times. So streams lie among
each other as in life: an intent and its line are minutes apart, its settlement hours. Ids are in no order of time, as
ours are hashes.
"""

from __future__ import annotations

import heapq
from bisect import bisect
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate, chain, count, islice
from random import Random
from typing import Final, NamedTuple

import msgspec
from eventsourcing.persistence import StoredEvent

from ledger.aggregate import EVENTS
from ledger.calendar import ICT
from ledger.ids import of_event
from ledger.webhook_deliveries import id_of_delivery
from tests.generating import flows
from tests.generating.flows import FLOWS, UNITS, Delivery, Flow, body_of
from tests.generating.settlement import Names, Paid, settlement
from tests.generating.templates import Telling, Template

SEED: Final = 1
MERCHANTS: Final = 200
BEGIN: Final = datetime(2026, 10, 31, 17, 0, tzinfo=UTC)
"""Midnight in Vietnam."""
DAYS: Final = 30
EVENTS_A_FLOW: Final = 9.6
"""In the long run, webhooks and settlements among them."""
HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 20, 22, 20, 18, 18, 18, 18, 20, 22, 24, 26, 22, 12, 4)
"""How much begins in each hour of the day in Vietnam, in shares."""
SETTLED_AT_H: Final = 18
SETTLED_AT_ONCE: Final = 200
DELIVERED: Final = ((950, 0), (40, 1), (9, 3), (1, flows.GIVEN_UP))
"""Shares of deliveries, in a thousand, and how often they fail before."""
SHARES: Final = {
    "webhook_delivery": 29.2,
    "payment_intent": 26.8,
    "statement_line": 19.3,
    "journal_entry": 11.6,
    "payout": 8.2,
    "account": 3.5,
    "settlement": 1.3,
    "alarm": 0.02,
}
"""Events of each kind of stream in a hundred of a million; what is left are the merchants."""

BANK_ACCOUNTS: Final = (b"ba_acb_main", b"ba_acb_shops", b"ba_acb_west")

PREFIXES: Final = ("stl", "je", "cmd", "cmd")

_LETTERS: Final = bytes(b"abcdefghijklmnopqrstuvwxyz234567"[byte % 32] for byte in range(256))

Append = list[StoredEvent]


def events(how_many: int, seed: int = SEED) -> Iterator[StoredEvent]:
    """The first events of the month, which is as dense as so many need."""
    return islice(chain.from_iterable(appends(how_many, seed)), how_many)


def appends(how_many: int, seed: int = SEED) -> Iterator[Append]:
    """The same, the events of each command together; more than asked for, without end."""
    return Month(Random(seed), how_many).told()


class Shop:
    """A merchant of the month. `available`: dong that may be paid out."""

    def __init__(self, merchant: bytes, endpoint: bytes, bank_account: bytes) -> None:
        self.merchant = merchant
        self.endpoint = endpoint
        self.bank_account = bank_account
        self.account = f"merchant:mer_{merchant.decode()}:available"
        self.versions: dict[str, int] = {}
        self.available = 0
        self.waiting: deque[Paid] = deque()

    def placed(self, event: StoredEvent) -> StoredEvent:
        """The event with the version that its stream has come to, where the stream outlives a flow."""
        stream = str(event.originator_id)
        if stream != self.account and not stream.startswith("mer_"):
            return event
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        return StoredEvent(stream, version, event.topic, event.state)


class Told(NamedTuple):
    """A flow under way: what is left of it, and whose it is.

    `paid`: what is to be settled when it is over; `moved`: what an event adds to what is available.
    """

    steps: Iterator[tuple[datetime, Append]]
    shop: Shop
    paid: Paid | None = None
    moved: Mapping[str, int] = {}


class Month:
    """The month, told in order of time."""

    def __init__(self, dice: Random, how_many: int) -> None:
        self._dice = dice
        self._serial = count()
        self._due: list[tuple[datetime, int, Told | Shop, Append]] = []
        self._flows_a_day = how_many / EVENTS_A_FLOW / DAYS
        weights = [1 / (number + 1) for number in range(MERCHANTS)]
        self._shares = list(accumulate(weights))
        self._of_flows = list(accumulate(flow.weight for flow in FLOWS))
        self._of_delivered = list(accumulate(share for share, _ in DELIVERED))
        self._shops = [self._begun(number) for number in range(MERCHANTS)]

    def told(self) -> Iterator[Append]:
        """Every append, without end."""
        begins = self._begins()
        begin = next(begins)
        while True:
            if self._due and self._due[0][0] <= begin:
                yield from self._next()
            else:
                self._start(begin)
                begin = next(begins)

    def _begins(self) -> Iterator[datetime]:
        """When flows begin: more by day than by night."""
        now, share = BEGIN + timedelta(minutes=30), sum(HOURS) / len(HOURS)
        while True:
            a_second = self._flows_a_day * HOURS[now.astimezone(ICT).hour] / share / 86_400
            now += timedelta(seconds=self._dice.expovariate(a_second))
            yield now.replace(microsecond=now.microsecond // 1_000 * 1_000)

    def _begun(self, number: int) -> Shop:
        template, merchant, endpoint = _registered()
        bank_account = BANK_ACCOUNTS[number % len(BANK_ACCOUNTS)]
        telling = self._telling(template, BEGIN + timedelta(seconds=number), {flows.BANK: bank_account})
        shop = Shop(telling.names[merchant], telling.names[endpoint], bank_account)
        self._push(Told(telling.steps(), shop))
        settled_at = BEGIN + timedelta(hours=SETTLED_AT_H, seconds=number)
        heapq.heappush(self._due, (settled_at, next(self._serial), shop, []))
        return shop

    def _start(self, begin: datetime) -> None:
        shop = self._shops[bisect(self._shares, self._dice.uniform(0, self._shares[-1] * 0.999_999))]
        flow = FLOWS[bisect(self._of_flows, self._dice.randrange(self._of_flows[-1]))]
        units = self._dice.choice(UNITS)
        told = _flow(flow, units)
        if told.held > shop.available:
            return
        shop.available -= told.held
        telling = self._telling(told.template, begin, {told.merchant: shop.merchant, flows.BANK: shop.bank_account})
        paid = None
        if flow.pays:
            intent = "pi_" + telling.names[told.intent].decode()
            paid = Paid(intent, told.version, told.gross, told.fee)
        self._push(Told(telling.steps(), shop, paid, told.given_back))

    def _next(self) -> Iterator[Append]:
        at, _, due, found = heapq.heappop(self._due)
        if isinstance(due, Shop):
            self._settle(due, at)
            return
        found = [due.shop.placed(event) for event in found]
        yield found
        for event in found:
            due.shop.available += due.moved.get(event.topic, 0)
            if EVENTS[event.topic].public:
                self._tell(due.shop, event, at)
        self._push(due)

    def _tell(self, shop: Shop, event: StoredEvent, at: datetime) -> None:
        failures = DELIVERED[bisect(self._of_delivered, self._dice.randrange(self._of_delivered[-1]))][1]
        like = _delivered(failures)
        told = of_event(str(event.originator_id), event.originator_version)
        delivery = body_of(id_of_delivery(told, f"we_{shop.endpoint.decode()}"))
        names = {like.event: told.encode(), like.merchant: shop.merchant, like.endpoint: shop.endpoint}
        self._push(Told(self._telling(like.template, at, names | {like.delivery: delivery}).steps(), shop))

    def _settle(self, shop: Shop, at: datetime) -> None:
        if shop.waiting:
            paid = [shop.waiting.popleft() for _ in range(min(len(shop.waiting), SETTLED_AT_ONCE))]
            ids = [f"{prefix}_{name.decode()}" for prefix, name in zip(PREFIXES, self._names(4), strict=True)]
            steps = settlement(paid, f"mer_{shop.merchant.decode()}", Names(*ids), at)
            self._push(Told(iter(steps), shop, None, {"account.credited": sum(one.gross - one.fee for one in paid)}))
        again = (
            timedelta(seconds=30)
            if shop.waiting
            else timedelta(days=1) - timedelta(seconds=(at - BEGIN).total_seconds() % 86_400 - SETTLED_AT_H * 3_600)
        )
        heapq.heappush(self._due, (at + again, next(self._serial), shop, []))

    def _push(self, told: Told) -> None:
        step = next(told.steps, None)
        if step is not None:
            heapq.heappush(self._due, (step[0], next(self._serial), told, step[1]))
        elif told.paid is not None:
            told.shop.waiting.append(told.paid)

    def _telling(self, template: Template, begin: datetime, names: Mapping[bytes, bytes]) -> Telling:
        return Telling(template, begin, names, self._names(len(template.names)))

    def _names(self, how_many: int) -> Iterator[bytes]:
        for _ in range(how_many):
            yield self._dice.randbytes(26).translate(_LETTERS)


class Known(NamedTuple):
    """A flow with an amount. `held`: what a payout holds; `given_back`: what comes back of it, by event."""

    template: Template
    merchant: bytes
    intent: bytes
    version: int
    gross: int
    fee: int
    held: int
    given_back: dict[str, int]


@cache
def _flow(flow: Flow, units: int) -> Known:
    recording, begin = flows.recorded(flow, units)
    intent, version, gross, fee, held, back = b"", 0, 0, 0, 0, 0
    for event in (event for _, events in recording.steps for event in events):
        data = msgspec.json.decode(event.state)["data"]
        if event.topic.startswith("payment_intent."):
            intent, version = body_of(str(event.originator_id)), event.originator_version
            gross += data["amount"]["units"] if "fee" in data else 0
            fee += data["fee"]["units"] if "fee" in data else 0
        if event.topic == "account.hold_placed":
            held = data["amount"]["units"]
        if event.topic == "account.credited":
            back = data["amount"]["units"]
    given_back = {"account.hold_released": held, "account.credited": back}
    template = Template(recording.steps, begin, [flows.BANK])
    return Known(template, body_of(recording.merchant), intent, version, gross, fee, held, given_back)


@cache
def _registered() -> tuple[Template, bytes, bytes]:
    return flows.registered()


@cache
def _delivered(failures: int) -> Delivery:
    return flows.delivered(failures)

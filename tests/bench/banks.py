"""How fast banks' webhooks are taken and histories read, and what signatures cost.

`python -m tests.bench.banks`. Notices are made by the simulated banks and taken by the real web server: verified,
translated, recorded durably, acknowledged, and the bank checks the acknowledgement. Beside it, in turns, the same
bodies go to an endpoint that does nothing but one durable insert, in the same application. What happens behind the
acknowledgement is no part of it: the same calls one by one, while a projector follows the log on the same cores, are
figures of their own; so are payers who come for the first time, whose key has to be kept before. Histories are pages of
the simulated banks, recorded once and then translated again and again, so that only our own work is measured.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import tempfile
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec

from banks.accounts import BankAccount
from banks.bank import Bank, Capability, StatementRow
from banks.registry import bank_classes, load_accounts
from banks.simulator.enrolment import Enrolment, load
from banks.simulator.journal import Journal
from banks.simulator.lab import enrol_all
from banks.simulator.personality import Letter, Personality, Reply, personalities
from banks.simulator.records import Notice, NoticeKind, Party
from banks.simulator.simulator import Simulator, free_port
from banks.simulator.state import Line, State
from banks.transport import Answer, Limits, Request, Transport
from ledger.calendar import bank_day
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from local.processes import Process
from local.redis import RedisServer
from tests.bench import raw_route, signature_costs
from tests.bench.measure import Figure, median, percentile, report
from tests.story import MASTER_KEY

ROUNDS = 5
ROUNDS_MORE = 3
ONE_BY_ONE = 80
TOGETHER = 320
CONNECTIONS = 16
ROWS = 100_000
PAYMENTS = 300
"""Rows in the recorded history of each bank."""
PAYER = Party("NGUYEN VAN ANH", "1012345678", "970436")


class Told(NamedTuple):
    """One notice and its letter."""

    notice: Notice
    letter: Letter


class Teller:
    """A simulated bank as far as it writes notices; nothing of it serves."""

    def __init__(self, code: str, keys: Path) -> None:
        kind = personalities()[code]
        self._state = State(kind.profile, load(keys, kind), Journal(None))
        self.bank: Personality = kind(self._state)
        self._account = self._state.bank_side.accounts[0].number
        self._numbers = count(1)
        self.kind: NoticeKind = "feed" if kind.profile.aggregated else "movement"
        """An aggregator tells of the movements where the bank does not."""

    def told(self, how_many: int, *, by_new_payers: bool = False) -> list[Told]:
        """Notices of as many credits of different amounts: by one payer, or each by one of its own."""
        found = []
        for number in (next(self._numbers) for _ in range(how_many)):
            payer = msgspec.structs.replace(PAYER, account=f"1{number:09}") if by_new_payers else PAYER
            line = Line(self._account, 150_000 + number, f"Thanh toan don hang {number}", "napas", payer)
            (movement,) = self._state.book("payment in", [line], {"napas": -line.units})
            notice = Notice(
                number=number, request_trace=str(uuid.uuid4()), kind=self.kind, references=(movement.reference,)
            )
            found.append(Told(notice, self.bank.written(notice, self._state.clock.now())))
        return found


class Stand:
    """The servers, the web and the raw endpoint beside it, and a customer at every bank that is simulated."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        mongo = stack.enter_context(ReplicaSet(directory / "mongodb"))
        sql = stack.enter_context(SqlServer(directory / "mysql", password=secrets.token_hex(8)))
        redis = stack.enter_context(RedisServer(directory / "redis"))
        self.keys = directory / "banks"
        self.codes = [code for code in personalities() if code in bank_classes()]
        enrol_all(self.keys, {code: enrolment(code) for code in self.codes})
        self.accounts = load_accounts(self.keys / "accounts.json")
        web, raw = free_port(), free_port()
        events = f"{mongo.url.partition('/?')[0]}/socai_bench?{mongo.url.partition('?')[2]}"
        self._environment = os.environ | {
            "EVENT_STORE_URL": events,
            "READ_TABLES_URL": sql.create_schema("bench"),
            "REDIS_URL": redis.url,
            "SOCAI_MASTER_KEY": b64encode(MASTER_KEY).decode(),
            "SOCAI_OPERATOR_KEYS": f"admin:admin:{hashlib.sha256(secrets.token_bytes(16)).hexdigest()}",
            "SOCAI_BANK_ACCOUNTS": str(self.keys / "accounts.json"),
            "SOCAI_WEB_PORT": str(web),
            raw_route.URL: mongo.url,
        }
        self.web, self.raw = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{raw}"
        self._directory, self._stack = directory, stack
        for name, words, url in (
            ("web", ["web"], self.web),
            ("raw", ["tests.bench.raw_intake", str(raw)], self.raw),
        ):
            self._started(name, *words).wait_until(lambda url=url: _serves(url))  # type: ignore[misc]
        self.clients = [stack.enter_context(httpx.Client(timeout=30, trust_env=False)) for _ in range(CONNECTIONS)]

    def _started(self, name: str, *words: str) -> Process:
        command = [sys.executable, "-m", *words]
        process = Process(name, command, self._directory / f"{name}.log", environment=self._environment)
        return self._stack.enter_context(process)

    def follow(self) -> None:
        """From now on a projector follows the log; returns when it has come to the end of it."""
        self._started("projector", "workers", "projector").wait_until(lambda: _keeps_up(self.web), within_s=120)


def enrolment(code: str) -> Enrolment:
    """A customer with one account at the bank, where nobody needs to listen."""
    account = personalities()[code].profile.account
    return Enrolment(base_url=f"http://127.0.0.1:{free_port()}", accounts=((f"ba_{code}_main", account),))


def _serves(url: str) -> bool:
    try:
        return httpx.get(f"{url}/live", timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _keeps_up(url: str) -> bool:
    said = httpx.get(f"{url}/ready", timeout=10.0, trust_env=False).json()
    return said["status"] == "ok" and bool(said["lag"]) and not any(said["lag"].values())


class Round(NamedTuple):
    """Seconds of each call when they come one by one, and when they come together with the rate a second."""

    one_by_one: list[float]
    together: list[float]
    rate: float


Send = Callable[[httpx.Client, Told], None]


def measured(stand: Stand, told: Sequence[Told], first: Send, second: Send) -> tuple[Round, Round]:
    """Send `told` in two ways: some one by one, the two ways in turn, so that what disturbs the machine disturbs both;
    then the others over all connections at once, the one way and the other.
    """
    pairs = [[_timed(stand.clients[0], one, send) for send in (first, second)] for one in told[:ONE_BY_ONE]]
    one, two = (
        Round([pair[n] for pair in pairs], *_together(stand, told[ONE_BY_ONE:], send))
        for n, send in enumerate((first, second))
    )
    return one, two


def _together(stand: Stand, told: Sequence[Told], send: Send) -> tuple[list[float], float]:
    """Seconds of each call over all connections at once, and calls a second."""
    shares = [told[number::CONNECTIONS] for number in range(CONNECTIONS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = pool.map(
            lambda pair: [_timed(pair[0], one, send) for one in pair[1]], zip(stand.clients, shares, strict=True)
        )
        seconds = [took for part in parts for took in part]
    return seconds, len(told) / (time.perf_counter() - began)


def _timed(client: httpx.Client, one: Told, send: Send) -> float:
    began = time.perf_counter()
    send(client, one)
    return time.perf_counter() - began


class Intake:
    """Webhooks of one bank, and the same bodies at the raw endpoint, in turns."""

    def __init__(self, stand: Stand, code: str) -> None:
        self._stand, self._name = stand, f"{code}: webhook taken"
        self._teller = Teller(code, stand.keys / code)
        door = "bank-feeds" if self._teller.kind == "feed" else "bank-webhooks"
        self._url = f"{stand.web}/v1/{door}/ba_{code}_main"

    def figures(self) -> Iterable[Figure]:
        """One by one and together, with nobody behind."""
        measured(self._stand, self._teller.told(ONE_BY_ONE + CONNECTIONS), self._ours, self._raw)
        ours, raw = self._rounds(ROUNDS, TOGETHER)
        for share, bar in ((0.5, 2.0), (0.99, None)):
            yield self._one_by_one(f"one by one, p{round(share * 100)}", share, ours, raw, bar)
        rate, least = (median([one.rate for one in rounds]) for rounds in (ours, raw))
        yield Figure(f"{self._name}, {CONNECTIONS} connections", "webhooks/s", rate, least)
        mine, bare = ([seconds for one in rounds for seconds in one.together] for rounds in (ours, raw))
        yield Figure(f"{self._name}, {CONNECTIONS} connections, p99", "ms", _ms(mine, 0.99), _ms(bare, 0.99))
        rounds = self._rounds(ROUNDS_MORE, CONNECTIONS, by_new_payers=True)
        yield self._one_by_one("each by a new payer, one by one, p50", 0.5, *rounds)

    def followed(self) -> Figure:
        """One by one while a projector follows the log."""
        rounds = self._rounds(ROUNDS_MORE, CONNECTIONS)
        return self._one_by_one("while a projector follows, one by one, p50", 0.5, *rounds)

    def _rounds(self, how_many: int, together: int, *, by_new_payers: bool = False) -> tuple[list[Round], list[Round]]:
        found = []
        for _ in range(how_many):
            notices = self._teller.told(ONE_BY_ONE + together, by_new_payers=by_new_payers)
            told = with_token(self._stand.clients[0], self._url, notices)
            found.append(measured(self._stand, told, self._ours, self._raw))
        return [one for one, _ in found], [two for _, two in found]

    def _ours(self, client: httpx.Client, one: Told) -> None:
        reply = self._teller.bank.sent(one.notice, client, self._url, one.letter, 30)
        if (fault := self._teller.bank.answered(one.notice, one.letter, reply)) is not None:
            raise AssertionError(f"{self._name}: our acknowledgement is not taken: {fault}")

    def _raw(self, client: httpx.Client, one: Told) -> None:
        url = f"{self._stand.raw}{raw_route.PATH}"
        answer = client.post(url, content=one.letter.body.encode(), headers=dict(one.letter.headers))
        Reply(answer.raise_for_status().status_code, answer.text)

    def _one_by_one(
        self, what: str, share: float, ours: Sequence[Round], raw: Sequence[Round], bar: float | None = None
    ) -> Figure:
        mine, bare = ([seconds for one in rounds for seconds in one.one_by_one] for rounds in (ours, raw))
        return Figure(f"{self._name}, {what}", "ms", _ms(mine, share), _ms(bare, share), bar=bar, at_most=True)


def with_token(client: httpx.Client, url: str, told: list[Told]) -> list[Told]:
    """The same with a token of ours, where the bank fetches one before it calls: that is another call."""
    given = told[0].letter.headers.get("Authorization", "")
    if not given.startswith("Basic "):
        return told
    answer = client.post(f"{url}/token", headers={"Authorization": given}).raise_for_status()
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return [one._replace(letter=one.letter._replace(headers={**one.letter.headers, **bearer})) for one in told]


def _ms(seconds: Sequence[float], share: float) -> float:
    return 1000 * percentile(seconds, share)


class Recorded(Transport):
    """A transport that gives the answers it once got again, in their order."""

    def __init__(self, real: Transport) -> None:
        super().__init__(time.monotonic)
        self._real = real
        self._answers: list[Answer] = []
        self._next: int | None = None

    def ask(self, request: Request, stamped: Callable[[Request], Request] = lambda request: request) -> Answer:
        """The next recorded answer, or the real one while recording."""
        if self._next is None:
            self._answers.append(self._real.ask(request, stamped))
            return self._answers[-1]
        stamped(request)
        self._next += 1
        return self._answers[self._next - 1]

    def again(self) -> None:
        """Begin with the first answer."""
        self._next = 0


def history(stand: Stand, code: str) -> list[Figure]:
    """Rows a second of one bank's history: pages read, rows translated, told apart by their keys."""
    keys, account = stand.keys / code, stand.accounts[f"ba_{code}_main"]
    real = Transport(time.monotonic, limits=Limits(read_s=10.0))
    recorded, now = Recorded(real), datetime.now(UTC)
    with Simulator(keys, code, port=None) as bank:
        _pay(bank, account)
        rows = len(_read(_adapter(account, recorded, now), now))
    seen: dict[tuple[str | int, ...], StatementRow] = {}
    done, began = 0, time.perf_counter()
    while done < ROWS:
        recorded.again()
        for row in _read(_adapter(account, recorded, now), now):
            seen.setdefault(row.key, row)
        done += rows
    seconds = time.perf_counter() - began
    recorded.close()
    real.close()
    if not len(seen) == rows > 0:
        raise AssertionError(f"{code}: {rows} rows were told apart as {len(seen)}")
    return [Figure(f"{code}: history rows translated and told apart", "rows/s", done / seconds)]


def _pay(bank: Simulator, account: BankAccount) -> None:
    with httpx.Client(base_url=bank.control_url, trust_env=False) as control:
        control.post("/settings", json={"answer_s": 0, "webhook_s": 0}).raise_for_status()
        for number in range(PAYMENTS):
            asked = {"account": account.account_number, "amount": 150_000 + number, "memo": f"Don hang {number}"}
            control.post("/pay", json=asked).raise_for_status()


def _adapter(account: BankAccount, transport: Transport, now: datetime) -> Bank:
    """An adapter that asks in the same words every time."""
    numbers = count(1)
    return bank_classes()[account.bank](account, transport, lambda: now, lambda: str(uuid.UUID(int=next(numbers))))


def _read(bank: Bank, now: datetime) -> list[StatementRow]:
    day, cursor = bank_day(now), None
    found: list[StatementRow] = []
    while True:
        page = bank.history(day, day, cursor)
        found += page.lines
        if (cursor := page.next_cursor) is None:
            return found


def main() -> None:
    """Run all of it and report."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        stand = Stand(Path(directory), stack)
        print(json.dumps({"banks": stand.codes}))
        takers = [
            Intake(stand, code) for code in stand.codes if Capability.WEBHOOK in bank_classes()[code].capabilities
        ]
        for taker in takers:
            figures += taker.figures()
        stand.follow()
        figures += [taker.followed() for taker in takers]
        for code in stand.codes:
            if Capability.HISTORY in bank_classes()[code].capabilities:
                figures += history(stand, code)
    figures += signature_costs.figures()
    report("banks", figures)


if __name__ == "__main__":
    main()

"""How fast banks' webhooks are taken and histories read, and what signatures cost.

`python -m tests.bench.banks`. Notices are made by the simulated banks and taken by the real web server: verified,
translated, recorded durably, acknowledged, and the bank checks the acknowledgement. Beside it, in turns, the same
bodies go to an endpoint that does nothing but one durable insert, in the same application. Histories are pages of the
simulated banks, recorded once and then translated again and again, so that only our own work is measured.
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

    def told(self, how_many: int) -> list[Told]:
        """Notices of as many credits of different amounts."""
        found = []
        for number in (next(self._numbers) for _ in range(how_many)):
            line = Line(self._account, 150_000 + number, f"Thanh toan don hang {number}", "napas", PAYER)
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
        environment = os.environ | {
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
        for name, words, url in (
            ("projector", ["workers", "projector"], None),
            ("web", ["web"], self.web),
            ("raw", ["tests.bench.raw_intake", str(raw)], self.raw),
        ):
            command = [sys.executable, "-m", *words]
            process = Process(name, command, directory / f"{name}.log", environment=environment)
            stack.enter_context(process)
            if url is not None:
                process.wait_until(lambda url=url: _ready(url))  # type: ignore[misc]
        self.clients = [stack.enter_context(httpx.Client(timeout=30, trust_env=False)) for _ in range(CONNECTIONS)]


def enrolment(code: str) -> Enrolment:
    """A customer with one account at the bank, where nobody needs to listen."""
    account = personalities()[code].profile.account
    return Enrolment(base_url=f"http://127.0.0.1:{free_port()}", accounts=((f"ba_{code}_main", account),))


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


class Round(NamedTuple):
    """Seconds of each call when they come one by one, and when they come together with the rate a second."""

    one_by_one: list[float]
    together: list[float]
    rate: float


def measured(stand: Stand, told: Sequence[Told], send: Callable[[httpx.Client, Told], None]) -> Round:
    """Send `told`, the first ones one by one and the others over all connections at once."""
    one_by_one = [_timed(stand.clients[0], one, send) for one in told[:ONE_BY_ONE]]
    others = list(enumerate(told[ONE_BY_ONE:]))
    shares = [[one for place, one in others if place % CONNECTIONS == number] for number in range(CONNECTIONS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = pool.map(
            lambda pair: [_timed(pair[0], one, send) for one in pair[1]], zip(stand.clients, shares, strict=True)
        )
        together = [seconds for part in parts for seconds in part]
    return Round(one_by_one, together, len(others) / (time.perf_counter() - began))


def _timed(client: httpx.Client, one: Told, send: Callable[[httpx.Client, Told], None]) -> float:
    began = time.perf_counter()
    send(client, one)
    return time.perf_counter() - began


def intake(stand: Stand, code: str) -> list[Figure]:
    """Webhooks of one bank. The rounds of ours and of the raw endpoint take turns."""
    teller = Teller(code, stand.keys / code)
    door = "bank-feeds" if teller.kind == "feed" else "bank-webhooks"
    url = f"{stand.web}/v1/{door}/ba_{code}_main"

    def ours(client: httpx.Client, one: Told) -> None:
        reply = teller.bank.sent(one.notice, client, url, one.letter, 30)
        if (fault := teller.bank.answered(one.notice, one.letter, reply)) is not None:
            raise AssertionError(f"{code} does not take our acknowledgement: {fault}")

    def raw(client: httpx.Client, one: Told) -> None:
        answer = client.post(
            f"{stand.raw}{raw_route.PATH}", content=one.letter.body.encode(), headers=dict(one.letter.headers)
        )
        Reply(answer.raise_for_status().status_code, answer.text)

    measured(stand, teller.told(ONE_BY_ONE + CONNECTIONS), ours)
    rounds = []
    for _ in range(ROUNDS):
        told = with_token(stand.clients[0], url, teller.told(ONE_BY_ONE + TOGETHER))
        rounds.append((measured(stand, told, ours), measured(stand, told, raw)))
    return list(_figures(code, [one for one, _ in rounds], [two for _, two in rounds]))


def with_token(client: httpx.Client, url: str, told: list[Told]) -> list[Told]:
    """The same with a token of ours, where the bank fetches one before it calls: that is another call."""
    given = told[0].letter.headers.get("Authorization", "")
    if not given.startswith("Basic "):
        return told
    answer = client.post(f"{url}/token", headers={"Authorization": given}).raise_for_status()
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return [one._replace(letter=one.letter._replace(headers={**one.letter.headers, **bearer})) for one in told]


def _figures(code: str, ours: Sequence[Round], raw: Sequence[Round]) -> Iterable[Figure]:
    name = f"{code}: webhook taken"
    mine, bare = ([seconds for one in rounds for seconds in one.one_by_one] for rounds in (ours, raw))
    for share, bar in ((0.5, 2.0), (0.99, None)):
        label = f"{name}, one by one, p{round(share * 100)}"
        yield Figure(label, "ms", _ms(mine, share), _ms(bare, share), bar=bar, at_most=True)
    rate, least = (median([one.rate for one in rounds]) for rounds in (ours, raw))
    yield Figure(f"{name}, {CONNECTIONS} connections", "webhooks/s", rate, least)
    mine, bare = ([seconds for one in rounds for seconds in one.together] for rounds in (ours, raw))
    yield Figure(f"{name}, {CONNECTIONS} connections, p99", "ms", _ms(mine, 0.99), _ms(bare, 0.99))


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
    figures = []
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        stand = Stand(Path(directory), stack)
        print(json.dumps({"banks": stand.codes}))
        for code in stand.codes:
            if Capability.WEBHOOK in bank_classes()[code].capabilities:
                figures += intake(stand, code)
        for code in stand.codes:
            if Capability.HISTORY in bank_classes()[code].capabilities:
                figures += history(stand, code)
    figures += signature_costs.figures()
    report("banks", figures)


if __name__ == "__main__":
    main()

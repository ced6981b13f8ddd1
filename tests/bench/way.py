"""How fast money goes in and out, all the way, beside a bare `insert_one` on the same MongoDB in the same run.

`python -m tests.bench.way`: command level (a credit line matched and posted; a payout's whole life), the same over HTTP
through the real web server, and the delay from a bank's webhook to the row a merchant reads. The reference of every
rate is raw `insert_one` (w=majority, j=true, 300 bytes) by as many threads.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import tempfile
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from commands.payouts import RecordPayoutAccepted
from ledger.calendar import ICT
from ledger.payouts import Payout
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from local.processes import Process, free_port
from local.redis import RedisServer
from projections import payments as read_payments
from projections.database import Reader, open_reader
from tests.bench.measure import Figure, median, percentile, rate, report
from tests.story import BANK_ACCOUNT, MASTER_KEY, Story

ACCOUNT_NUMBER = "12345678"
ROUNDS = 3
THREADS = 16
PAYMENTS = 800
PAYOUTS = 120
INSERTS = 1600
WEBHOOKS = 400
PROBES = 150
"""Rows a round; small enough for a run of two minutes on two cores."""


class Stand:
    """The servers and names one run needs."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.mongo = stack.enter_context(ReplicaSet(directory / "mongodb"))
        self.sql = stack.enter_context(SqlServer(directory / "mysql", password=secrets.token_hex(8)))
        self.redis = stack.enter_context(RedisServer(directory / "redis"))
        self.directory = directory
        self.events = f"{self.mongo.url.partition('/?')[0]}/socai_bench?{self.mongo.url.partition('?')[2]}"


def inserts(stand: Stand, threads: int) -> float:
    """Raw durable inserts a second."""
    with MongoClient[dict[str, object]](stand.mongo.url) as client:
        durable = WriteConcern(w="majority", j=True)
        collection = client["raw"].get_collection(f"raw_{secrets.token_hex(4)}", write_concern=durable)
        collection.insert_one({"x": "x" * 300})
        numbers = range(INSERTS if threads > 1 else INSERTS // 4)
        return rate(lambda n: collection.insert_one({"_id": n, "x": "x" * 300}), numbers, threads)


class Shops(Story):
    """A story on the real event store, with the wall clock and many merchants."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.now = datetime.now(UTC)
        self.run = secrets.token_hex(4)
        self._numbers = count(int.from_bytes(secrets.token_bytes(4), "big") << 20)


def payments(story: Shops, merchants: list[str], how_many: int, threads: int) -> float:
    """Credit lines a second that are recorded, matched and posted."""
    intents = [story.intent(merchants[n % len(merchants)], 150_000) for n in range(how_many)]
    rows = [story.row(150_000, intent.code) for intent in intents]
    return rate(lambda n: story.bank_says(rows[n]), range(how_many), threads)


def payouts(story: Shops, merchants: list[str], how_many: int, threads: int) -> float:
    """Payouts a second: requested, approved, submitted, accepted, confirmed by the statement (five commands)."""

    def life(number: int) -> None:
        payout: Payout = story.submitted(merchants[number % len(merchants)], 10_000)
        story.when(RecordPayoutAccepted(payout_id=payout.id, bank_reference="4711"), actor="worker:pay")
        story.bank_says(story.row(10_000, payout.end_to_end_id, direction="debit"))

    return rate(life, range(how_many), threads)


def command_level(stand: Stand) -> list[Figure]:
    """Payments and payouts by calling the commands."""
    ledger = Ledger.at(stand.events, MASTER_KEY, secrets.token_bytes, KeysInMemory())
    figures = []
    with ledger:
        story = Shops(ledger)
        merchants = [story.funded(100_000_000, payout_fee=0) for _ in range(THREADS)]
        for threads in (1, THREADS):
            rounds = [
                (
                    inserts(stand, threads),
                    payments(story, merchants, PAYMENTS if threads > 1 else PAYMENTS // 8, threads),
                    payouts(story, merchants, PAYOUTS if threads > 1 else PAYOUTS // 8, threads),
                )
                for _ in range(ROUNDS)
            ]
            raw, paid, out = (median(column) for column in zip(*rounds, strict=True))
            figures += [
                Figure(f"raw insert_one, {threads} threads", "inserts/s", raw),
                Figure(f"payments by command, {threads} threads", "payments/s", paid, raw),
                Figure(f"payouts by command, {threads} threads", "payouts/s", out, raw),
            ]
    return figures


class Web:
    """The real web server and projector as processes, with merchants and keys to speak to them."""

    def __init__(self, stand: Stand, stack: ExitStack) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        keys = stand.directory / "bank"
        mine = Enrolment(base_url="http://127.0.0.1:9", accounts=((BANK_ACCOUNT, ACCOUNT_NUMBER),))
        enrol(keys, personality("acb"), mine)
        self.bank_key = json.loads((keys / "accounts.json").read_text())["bank_accounts"][0]["webhook_key"]
        operator = secrets.token_urlsafe(16)
        self.tables = stand.sql.create_schema("bench")
        environment = os.environ | {
            "EVENT_STORE_URL": stand.events.replace("socai_bench", "socai_http"),
            "READ_TABLES_URL": self.tables,
            "REDIS_URL": f"{stand.redis.url}",
            "SOCAI_MASTER_KEY": b64encode(MASTER_KEY).decode(),
            "SOCAI_OPERATOR_KEYS": f"admin:admin:{hashlib.sha256(operator.encode()).hexdigest()}",
            "SOCAI_BANK_ACCOUNTS": str(keys / "accounts.json"),
            "SOCAI_WEB_PORT": str(self.port),
        }
        for name, words in (("projector", ["workers", "projector"]), ("web", ["web"])):
            command = [sys.executable, "-m", *words]
            process = Process(name, command, stand.directory / f"{name}.log", environment=environment)
            stack.enter_context(process)
        process.wait_until(self._ready)
        self.clients = [stack.enter_context(self._client()) for _ in range(THREADS)]
        self.operator = {"Authorization": f"Bearer {operator}"}
        self.merchants = [self._merchant() for _ in range(THREADS)]
        self.traces = count(1)

    def post(self, number: int, path: str, headers: Mapping[str, str], body: Mapping[str, object]) -> dict[str, Any]:
        """A POST by one of the clients; raises for anything but 2xx."""
        said = {"Idempotency-Key": secrets.token_hex(12), **headers}
        answer = self.clients[number % THREADS].post(path, headers=said, json=dict(body))
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def intent(self, number: int) -> dict[str, Any]:
        """A payment intent of 150,000 VND."""
        asked = {"amount": 150_000, "currency": "VND"}
        return self.post(number, "/v1/payment-intents", self.merchants[number % THREADS], asked)

    def pay(self, number: int, code: str, amount: int = 150_000) -> None:
        """ACB's webhook for one credit (bank wire specification 2.1.9)."""
        trace = f"{next(self.traces):06d}"
        at = datetime.now(ICT)
        movement = {
            "transactionStatus": "COMPLETED",
            "transactionChannel": "IBFT",
            "transactionCode": "CR",
            "accountNumber": ACCOUNT_NUMBER,
            "transactionDate": at.isoformat(timespec="seconds"),
            "effectiveDate": at.date().isoformat(),
            "debitOrCredit": "credit",
            "amount": amount,
            "transactionContent": f"{code} GD {trace}-{at:%m%d%y} {at:%H:%M:%S}",
            "virtualAccountInfo": {"vaPrefiexId": None, "vaNbr": None},
            "transactionEntityAttribute": {
                "traceNumber": trace,
                "referenceNumber": trace,
                "virtualAccount": None,
                "remitterName": "NGUYEN VAN ANH",
                "remitterAccountNumber": f"10{int(trace) % 500:06d}",
                "issuerBankName": "VIETINBANK",
                "receiverBankName": "ACB",
                "beneficiaryName": "CONG TY SOCAI",
            },
        }
        meta = {"requestType": "NOTIFICATION", "requestCode": "TRANSACTION_UPDATE"}
        params = {"pagination": {"page": 1, "pageSize": 1, "totalPage": 1}, "transactions": [movement]}
        body = {
            "requestTrace": str(uuid.uuid4()),
            "requestDateTime": f"{at:%Y-%m-%dT%H:%M:%S}.000+0700",
            "requestParameters": {
                "masterMeta": {"clientId": "c", "clientRequestId": "r", "checksum": ""},
                "request": {"requestMeta": meta, "requestParams": params},
            },
        }
        self.post(number, f"/v1/bank-webhooks/{BANK_ACCOUNT}", {"Authorization": self.bank_key}, body)

    def payout(self, number: int) -> None:
        """A payout of 1,000 VND requested by the merchant's owner."""
        to = {"bin": "970422", "account_number": "0001234567890", "name": "TRAN THI BINH"}
        asked = {"amount": 1_000, "currency": "VND", "beneficiary": to, "memo": "luong"}
        self.post(number, "/v1/payouts", self.merchants[number % THREADS], asked)

    def fund(self, reader: Reader) -> None:
        """Give every merchant funds to pay out."""
        intents = [(number, self.intent(number)) for number in range(THREADS)]
        for number, intent in intents:
            self.pay(number, intent["code"], amount=100_000_000)
        for _, intent in intents:
            self.seen(reader, intent["id"])
        for intent in (intent for _, intent in intents):
            settlement = self.post(0, "/v1/settlements", self.operator, {"merchant_id": intent["merchant_id"]})
            self.post(0, f"/v1/settlements/{settlement['id']}/release", self.operator, {})

    def seen(self, reader: Reader, payment_intent_id: str) -> None:
        """Return when the read table no longer shows the intent as awaiting."""
        deadline = time.perf_counter() + 30
        while True:
            row = read_payments.payment(reader, payment_intent_id)
            if row is not None and row.status != "awaiting":
                return
            if time.perf_counter() > deadline:
                raise TimeoutError("the projection did not show a payment within 30 s")
            time.sleep(0.001)

    def _merchant(self) -> dict[str, str]:
        terms = {"fee_bps": 100, "payout_fee": 0, "currency": "VND", "approvals_needed": 1}
        asked = {"name": "Hoa Sen", "bank_account_id": BANK_ACCOUNT, **terms}
        made = self.post(0, "/v1/merchants", self.operator, asked)
        return {"Authorization": f"Bearer {made['api_key']['secret']}"}

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30.0, trust_env=False)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready", timeout=2.0, trust_env=False).is_success
        except httpx.HTTPError:
            return False


def http_level(stand: Stand, web: Web, reader: Reader) -> list[Figure]:
    """Payments and payouts through the web server, 16 connections."""
    web.fund(reader)
    rounds = []
    for _ in range(ROUNDS):
        raw = inserts(stand, THREADS)
        intents = [web.intent(number)["code"] for number in range(WEBHOOKS)]
        paid = rate(lambda n, codes=intents: web.pay(n, codes[n]), range(WEBHOOKS), THREADS)  # type: ignore[misc]
        asked = rate(web.intent, range(WEBHOOKS), THREADS)
        out = rate(web.payout, range(WEBHOOKS), THREADS)
        rounds.append((raw, paid, asked, out))
    raw, paid, asked, out = (median(column) for column in zip(*rounds, strict=True))
    return [
        Figure("payments by webhook over HTTP, 16 connections", "payments/s", paid, raw),
        Figure("payment intents created over HTTP, 16 connections", "intents/s", asked, raw),
        Figure("payouts requested over HTTP, 16 connections", "payouts/s", out, raw),
    ]


def delay(web: Web, reader: Reader) -> list[Figure]:
    """Seconds from sending a webhook to the row a merchant reads, one at a time, while others come at some 40 a second.

    The reference is the round trip of the webhook itself.
    """
    codes = [web.intent(number) for number in range(2 * PROBES)]
    stop = threading.Event()
    others = threading.Thread(target=_trickle, args=(web, [intent["code"] for intent in codes[PROBES:]], stop))
    others.start()
    answered, shown = [], []
    for intent in codes[:PROBES]:
        began = time.perf_counter()
        web.pay(0, intent["code"])
        answered.append(time.perf_counter() - began)
        web.seen(reader, intent["id"])
        shown.append(time.perf_counter() - began)
    stop.set()
    others.join()
    return [
        Figure(f"webhook to visible row, p{round(share * 100)}", "ms", *_ms(shown, answered, share))
        for share in (0.5, 0.99)
    ]


def _trickle(web: Web, codes: list[str], stop: threading.Event) -> None:
    for code in codes:
        if stop.wait(0.025):
            return
        web.pay(1, code)


def _ms(shown: list[float], answered: list[float], share: float) -> tuple[float, float]:
    return 1000 * percentile(shown, share), 1000 * percentile(answered, share)


def main() -> None:
    """Run all of it and report."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        stand = Stand(Path(directory), stack)
        figures = command_level(stand)
        web = Web(stand, stack)
        reader = open_reader(web.tables)
        stack.callback(reader.close)
        figures += http_level(stand, web, reader)
        figures += delay(web, reader)
        report("way", figures)


if __name__ == "__main__":
    main()

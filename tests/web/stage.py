"""The web over real parts, in a few words: who asks what, and every answer held against the OpenAPI document.

`Stage.ask` sends a request as somebody and fails when the answer is one the document does not describe.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from redis import Redis
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from werkzeug.test import TestResponse

from banks.registry import open_banks
from banks.transport import Transport
from ledger.aggregate import Envelope, Event
from ledger.settings import OperatorKey, Secret, Settings
from ledger.store import Ledger
from projections import positions
from projections.database import Database, open_database, open_reader
from projections.follower import run_round
from tests.banks.acb.rig import WEBHOOK_KEY, account
from web.app import create_app
from web.wiring import Services

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MASTER_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
BANK_ACCOUNT = "ba_acb_main"
OPERATOR_KEYS = {role: f"op_{role}_{'0123456789abcdef' * 2}" for role in ("admin", "approver", "auditor")}
NOWHERE = "redis://127.0.0.1:9/0"


class Clock:
    """Every look is a millisecond later; a test may let more time pass."""

    def __init__(self) -> None:
        self._ticks = count(1)
        self.passed = timedelta()

    def __call__(self) -> datetime:
        return START + timedelta(milliseconds=next(self._ticks)) + self.passed


def settings(event_store_url: str, read_tables_url: str, **other: Any) -> Settings:
    values: dict[str, Any] = {
        "event_store_url": event_store_url,
        "read_tables_url": read_tables_url,
        "redis_url": NOWHERE,
        "master_key": Secret(MASTER_KEY),
        "operator_keys": tuple(
            OperatorKey(name=f"{role}-an", role=role, digest=hashlib.sha256(key.encode()).hexdigest())
            for role, key in OPERATOR_KEYS.items()
        ),
        "bank_accounts": Path("/nowhere"),
        "web_host": "127.0.0.1",
        "web_port": 8080,
        "public_url": "http://pay.test",
        "webhook_allow_private": False,
    }
    return Settings(**(values | other))


def services(chosen: Settings, clock: Clock) -> Services:
    banks = open_banks({BANK_ACCOUNT: account("http://127.0.0.1:9")}, Transport(monotonic), clock, lambda: "trace")
    return Services(
        ledger=Ledger.open(chosen, secrets.token_bytes),
        reader=open_reader(chosen.read_tables_url),
        banks=banks,
        settings=chosen,
        redis=Redis.from_url(chosen.redis_url, socket_timeout=1, socket_connect_timeout=1),
        clock=clock,
        token=secrets.token_bytes,
    )


@dataclass
class Shop:
    """A merchant with a key for each role."""

    id: str
    keys: dict[str, str] = field(default_factory=dict)


@dataclass
class Stage:
    """The application, and everybody's moves in a line each."""

    services: Services
    clock: Clock
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _schemas: dict[str, Draft202012Validator] = field(default_factory=dict)

    @cached_property
    def app(self) -> Flask:
        return create_app(self.services)

    @cached_property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    @cached_property
    def database(self) -> Database:
        return open_database(self.services.settings.read_tables_url)

    @cached_property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.client.get("/openapi.json").data)
        return found

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        bearer: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> TestResponse:
        """One request. POSTs get a fresh Idempotency-Key unless one is given; "" leaves it out."""
        sent = dict(headers or {})
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        if method == "POST" and key != "":
            sent["Idempotency-Key"] = key or f"key-{next(self._numbers)}"
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        answer = self.client.open(path, method=method, headers=sent, data=raw)
        self._check(method, path, answer)
        return answer

    def done(self, method: str, path: str, body: object = None, **how: Any) -> Any:
        """What a request that must go well gave."""
        answer = self.ask(method, path, body, **how)
        assert answer.status_code < 300, answer.text
        return json.loads(answer.data) if answer.data else None

    def admin(self, method: str, path: str, body: object = None, **how: Any) -> Any:
        """The same, asked by the operator who administers."""
        return self.done(method, path, body, bearer=OPERATOR_KEYS["admin"], **how)

    def shop(self, name: str = "Cửa hàng Mai", **terms: Any) -> Shop:
        """A registered merchant with a key for each role; an operator made them all, so each is another person's."""
        asked = {
            "name": name,
            "bank_account_id": BANK_ACCOUNT,
            "fee_bps": 100,
            "payout_fee": 3_300,
            "currency": "VND",
            "approvals_needed": 1,
        }
        made = self.admin("POST", "/v1/merchants", asked | terms)
        shop = Shop(made["id"], {"owner": made["api_key"]["secret"]})
        for role in ("requester", "approver", "reader"):
            asked_key = {"label": role, "role": role}
            shop.keys[role] = self.admin("POST", f"/v1/merchants/{shop.id}/api-keys", asked_key)["secret"]
        return shop

    def intent(self, shop: Shop, amount: int = 1_500_000, **other: Any) -> Any:
        """A payment intent of this merchant."""
        body = {"amount": amount, "currency": "VND", **other}
        return self.done("POST", "/v1/payment-intents", body, bearer=shop.keys["owner"])

    def pays(self, memo: str, amount: int = 1_500_000, **how: Any) -> TestResponse:
        """The bank tells of a credit with this text."""
        return self.bank_says(notice(memo=memo, amount=amount, trace=f"T{next(self._numbers)}"), **how)

    def bank_says(self, raw: bytes, *, webhook_key: str = WEBHOOK_KEY) -> TestResponse:
        """The bank sends this body to our webhook."""
        return self.ask(
            "POST",
            f"/v1/bank-webhooks/{BANK_ACCOUNT}",
            raw=raw,
            key="",
            headers={"Authorization": webhook_key},
        )

    def funds(self, shop: Shop, amount: int = 1_500_000) -> None:
        """So much, less the fee, becomes available to the merchant."""
        self.pays(self.intent(shop, amount)["code"], amount)
        self.project()
        settlement = self.admin("POST", "/v1/settlements", {"merchant_id": shop.id})
        self.admin("POST", f"/v1/settlements/{settlement['id']}/release")

    def payout(self, shop: Shop, amount: int = 200_000, **how: Any) -> Any:
        """A payout this merchant's requester asks for."""
        return self.done("POST", "/v1/payouts", payout(amount), bearer=shop.keys["requester"], **how)

    def plant(self, stream: str, version: int, event: Event) -> None:
        """An event that no command decided stands in the log, as a fault of ours could leave it there."""
        envelope = Envelope(
            stream=stream,
            version=version,
            name=event.stored_name,
            schema=event.schema_version,
            at=self.clock(),
            effective_on=START.date(),
            actor="operator:nobody",
            command_id="cmd_planted",
            correlation_id="planted",
            causation_id=None,
            event=event,
        )
        self.services.ledger.events.put([envelope])

    def project(self) -> None:
        """Let every projection come to the end of the log."""
        while run_round(self.services.ledger, self.database, START).applied:
            pass
        assert set(positions(self.database).values()) == {self.services.ledger.head()}

    def _check(self, method: str, path: str, answer: TestResponse) -> None:
        """The answer is one that the document describes, and carries the headers every answer carries."""
        assert answer.headers["Request-Id"].startswith("req_")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        template = self._template(method, path.partition("?")[0])
        if template is None:
            assert answer.status_code in (404, 405)
            place = "/components/schemas/Problem"
        else:
            described = self.document["paths"][template][method.lower()]["responses"].get(str(answer.status_code))
            assert described is not None, f"{method} {path} gave an undocumented {answer.status_code}: {answer.text}"
            if answer.status_code == 204:
                assert answer.data == b""
                return
            assert answer.mimetype in described["content"], f"{method} {path}: {answer.mimetype}"
            parts = ["paths", template, method.lower(), "responses", str(answer.status_code), "content"]
            place = "".join(f"/{part.replace('/', '~1')}" for part in [*parts, str(answer.mimetype), "schema"])
        if str(answer.mimetype).endswith("json"):
            self._schema(place).validate(json.loads(answer.data))

    def _template(self, method: str, path: str) -> str | None:
        """The path of the document that a request meets, or None."""
        adapter = self.app.url_map.bind("pay.test")
        if not adapter.test(path, method):
            return None
        rule, _ = adapter.match(path, method, return_rule=True)
        return str(rule.rule).replace("<", "{").replace(">", "}")

    def _schema(self, place: str) -> Draft202012Validator:
        """What the document says at this place, as a validator; made once."""
        if place not in self._schemas:
            resource: Resource[Any] = Resource.from_contents(self.document, DRAFT202012)
            registry: Registry[Any] = Registry().with_resource("urn:document", resource)
            self._schemas[place] = Draft202012Validator({"$ref": f"urn:document#{place}"}, registry=registry)
        return self._schemas[place]


def payout(amount: int = 200_000, **other: Any) -> dict[str, Any]:
    """The body that asks for a payout."""
    to = {"bin": "970436", "account_number": "0071000123456", "name": "Trần Thị Bích"}
    return {"amount": amount, "currency": "VND", "beneficiary": to, "memo": "Tiền hàng", **other}


def notice(*, memo: str, amount: int, trace: str, direction: str = "credit", number: str = "12345678") -> bytes:
    """ACB's webhook body, chapter 2.1.9 of the bank wire specification."""
    movement = {
        "transactionStatus": "COMPLETED",
        "transactionChannel": "ch",
        "transactionCode": "C1",
        "accountNumber": number,
        "transactionDate": "2026-11-23T09:30:00+07:00",
        "effectiveDate": "2026-11-23",
        "debitOrCredit": direction,
        "amount": amount,
        "transactionContent": memo,
        "transactionEntityAttribute": {
            "traceNumber": trace,
            "remitterName": "NGUYEN VAN ANH",
            "remitterAccountNumber": "1012345678",
            "issuerBankName": "VIETINBANK",
            "receiverBankName": "ACB",
            "beneficiaryName": "CTY SOCAI",
        },
    }
    request = {
        "requestMeta": {"requestType": "NOTIFICATION", "requestCode": "TRANSACTION_UPDATE"},
        "requestParams": {"pagination": {"page": 1, "pageSize": 1, "totalPage": 1}, "transactions": [movement]},
    }
    body = {
        "requestTrace": f"trace-{trace}",
        "requestDateTime": "2026-11-23T09:30:02.000+0700",
        "requestParameters": {"masterMeta": {"clientId": "c", "clientRequestId": "q"}, "request": request},
    }
    return json.dumps(body).encode()


def said(answer: TestResponse) -> Any:
    """The JSON of an answer, whatever its status."""
    return json.loads(answer.data)


def problem(answer: TestResponse) -> tuple[int, str, str | None]:
    """Status, code and first place of a refusal: (422, "invalid-amount", "/amount")."""
    body = said(answer)
    place = next((error[where] for error in body["errors"] for where in WHERE if where in error), None)
    return answer.status_code, body["code"], place


WHERE = ("pointer", "parameter", "header")

"""A customer of the simulated MB, written from the bank wire specification: own signing, plain HTTP, no adapter."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.banks.simulator.customer import VIETNAM, until

Json = dict[str, Any]
TRANSFERS = "/ms/funds-partner/transfer-fund/v1.0"
SYNC = f"/private{TRANSFERS}/make-transfer-partner"
ASYNC = f"/private/canary{TRANSFERS}/make-transfer-partner-async"
NEWER = f"/private/canary{TRANSFERS}/query-transaction-status"
OLDER = "/private/ms/bank-info/v1.0/transaction/trans-status"
MERCHANT = "/private/ms/offus/public/payment-service/payment/v1.0"
JWT = "aGVhZA.Ym9keQ.c2lnbg"


@cache
def _key(pem: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def signature(text: str, pem: str) -> str:
    """Base64 of SHA256withRSA, PKCS #1 v1.5."""
    return base64.b64encode(_key(pem).sign(text.encode(), padding.PKCS1v15(), SHA256())).decode()


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def order(amount: int = 200_000, **changes: Any) -> Json:
    """The printed transfer, with changes."""
    return {
        "serviceType": "CHI_HO",
        "customerType": "DOANH_NGHIEP",
        "customerLevel": "1",
        "debitType": "ACCOUNT",
        "debitResourceNumber": "0009990001234",
        "debitName": "CTY TNHH SOCAI",
        "creditType": "ACCOUNT",
        "creditResourceNumber": "12345678",
        "creditName": "NGUYEN VAN A",
        "transferType": "FAST",
        "bankCode": "970416",
        "transferAmount": str(amount),
        "transferFee": "0",
        "remark": "SOCAI000000001 Chi tra",
        "addInfoList": [],
    } | changes


def inside(amount: int = 200_000, **changes: Any) -> Json:
    return order(amount, transferType="INHOUSE", bankCode="", **changes)


def kept(tail: str) -> str:
    """What the control port knows a transfer by: the transaction id without the two codes."""
    return f"{tail:0<8}"


class Customer:
    """The enrolled company: `row` is its line of accounts.json; `url` where the bank listens."""

    def __init__(self, row: Json, url: str) -> None:
        self.row = row
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=10)
        self.bearer = ""

    def token(self, user: str = "", secret: str = "", form: Json | None = None) -> httpx.Response:
        auth = (user or self.row["client_id"], secret or self.row["client_secret"])
        return self.http.post("/private/oauth2/v1/token", auth=auth, data=form or {"grant_type": "client_credentials"})

    def headers(self, **more: str) -> dict[str, str]:
        if not self.bearer:
            self.bearer = f"Bearer {self.token().json()['access_token']}"
        return {"Authorization": self.bearer, "clientMessageId": str(uuid.uuid4())} | more

    def id(self, tail: str) -> str:
        """The transaction id that ends with `tail`, filled up to eight."""
        return f"{self.row['channel_code']}{self.row['business_code']}{kept(tail)}"

    def sign(self, body: Json) -> str:
        names = ("debitResourceNumber", "debitName", "creditResourceNumber", "creditName", "transferAmount")
        return signature("".join(str(body.get(name)) for name in names), self.row["private_key_pem"])

    def send(self, tail: str, body: Json, path: str = ASYNC, **headers: str) -> httpx.Response:
        named = self.headers(transactionId=self.id(tail), signature=self.sign(body)) | headers
        return self.http.post(path, json=body, headers=named)

    def pay(self, tail: str, amount: int = 200_000, path: str = ASYNC) -> httpx.Response:
        return self.send(tail, order(amount), path)

    def status(self, tail: str, path: str = NEWER) -> httpx.Response:
        return self.http.get(path, params={"transactionId": self.id(tail)}, headers=self.headers())

    def line(self, tail: str) -> Json:
        found: Json = self.status(tail).json()["data"]
        return found

    def ended(self, tail: str) -> Json:
        """Where the transfer stands once it is not PROCESSING."""
        return until(lambda: line if (line := self.line(tail))["transStatus"] != "PROCESSING" else None) or {}

    def lookup(self, **asked: str) -> httpx.Response:
        wanted = {"accountNumber": "12345678", "accountType": "ACCOUNT", "transferType": "INHOUSE"} | asked
        return self.http.get("/private/ms/bank-info/v1.0/account/info", params=wanted, headers=self.headers())

    def balance(self, number: str = "0009990001234", **headers: str) -> httpx.Response:
        path = "/private/ms/account/v1.0/balance"
        return self.http.get(path, params={"accountNumber": number}, headers=self.headers(**headers))

    def history(self, **changes: str | int) -> httpx.Response:
        today = datetime.now(UTC).astimezone(VIETNAM).strftime("%d/%m/%Y")
        asked: dict[str, str | int] = {"accountNumber": "0009990001234", "fromDate": today, "toDate": today}
        path = "/private/ms/transaction-statement/v1.0/history"
        return self.http.get(path, params=asked | {"page": 1, "size": 100} | changes, headers=self.headers())

    def rows(self, **changes: str | int) -> list[Json]:
        found: list[Json] = self.history(**changes).json()["data"]["transactionHistoryList"]
        return found

    def merchant(self, call: str, body: Json, **headers: str) -> httpx.Response:
        owned = {"userName": self.row["client_id"], "secretKey": self.row["mms_access_key"], "transactionID": "R1"}
        return self.http.post(f"{MERCHANT}/{call}", json=body, headers=self.headers() | owned | headers)


def acknowledge(body: Json) -> tuple[int, Json]:
    """The printed answers: to a sale, a result, a push."""
    if "checkSum" in body:
        return 200, {"resCode": "00", "resDesc": "Success"}
    name = "refTransactionid" if "transactionId" in body else "reftransactionid"
    return 200, {"error": False, "errorReason": "000", "toastMessage": "", "object": {name: "wh_1"}}


class Door:
    """Where MB calls us: gives tokens to whoever has our password, takes notices, answers as `answer` says."""

    def __init__(self, row: Json) -> None:
        self.taken: list[tuple[dict[str, str], Json]] = []
        self.tokens: list[str] = []
        self.answer: Callable[[Json], tuple[int, Json]] = acknowledge
        self.token: Json = {"access_token": JWT, "token_type": "bearer", "expires_in": 300}
        door, user = self, f"{row['push_username']}:{row['push_password']}"
        self.basic = "Basic " + base64.b64encode(user.encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if self.path.endswith("/token"):
                    door.tokens.append(headers.get("authorization", ""))
                    known = headers.get("authorization") == door.basic
                    status, said = (200, door.token) if known else (401, {"error": "who"})
                else:
                    status, said = door.answer(body := json.loads(raw))
                    door.taken.append((headers, body))
                text = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/bank-webhooks/ba_mb"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def bodies(self, count: int) -> list[Json]:
        """The first `count` notices, waited for."""
        until(lambda: len(self.taken) >= count)
        return [body for _, body in self.taken[:count]]

    def results(self) -> list[Json]:
        return [body for _, body in self.taken if "transactionStatus" in body]

"""A customer of the simulated bank, written from the bank wire specification: own signing, plain HTTP, no adapter."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import httpx
from asn1crypto import cms, x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

Json = dict[str, Any]
T = TypeVar("T")
NEVER_STORED = {"status": None, "stored": False, "received": 1, "enquiries": 0}
"""What the control port says of an order that came once and was not taken."""
ORDERS = "/payments/payment-order/v2"
VIETNAM = timezone(timedelta(hours=7))

PRINTED_DATA = (
    '{"sourceAccountNumber":"12345678","transaction":{"transactionTraceNumber":"SOCAI000000001",'
    '"transactionType":"IBFT","beneficiary":{"interbank":{"accountNumber":"0001234567890",'
    '"beneficiaryName":"NGUYEN VAN A","bank":{"napasCode":"970422"}}},"amount":{"sourceCurrency":"VND",'
    '"targetCurrency":"VND","amount":"200000","exchangeRate":"1","exchangeAmount":"200000"},'
    '"remarks":"Chi tra SOCAI000000001"}}'
)
PRINTED_HEX = "2ca166e78e23bb6555acf87cf37759cd366e16d790cae42a9d49cd0d361a8282"


def until(found: Callable[[], T], seconds: float = 10.0) -> T:
    """The first true value of `found`, asked again and again; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := found()):
        assert time.monotonic() < deadline, "the awaited condition did not come"
        pause.wait(0.005)
    return value


def compact(data: Json) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def text_to_sign(data: str) -> str:
    """Recipe steps 1-4 of 2.1.5 for the compact JSON `data`."""
    return hashlib.sha256(base64.b64encode(data.encode())).hexdigest()


def signed(content: bytes, signer: Json, *, attributes: bool = True) -> bytes:
    """Recipe step 6: a CMS SignedData, SHA1withRSA, content and certificate included."""
    certificate = x509.Certificate.load(_der(signer["certificate_pem"]))
    key = load_pem_private_key(signer["private_key_pem"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    info: Json = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            "issuer_and_serial_number",
            cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number}),
        ),
        "digest_algorithm": {"algorithm": "sha1"},
        "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
    }
    to_sign = content
    if attributes:
        digest = hashlib.sha1(content, usedforsecurity=False).digest()
        values = (("content_type", "data"), ("message_digest", digest))
        info["signed_attrs"] = cms.CMSAttributes([{"type": name, "values": [value]} for name, value in values])
        to_sign = info["signed_attrs"].dump()
    info["signature"] = key.sign(to_sign, padding.PKCS1v15(), SHA1())  # noqa: S303 - the bank asks for SHA-1
    body = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha1"}],
            "encap_content_info": {"content_type": "data", "content": content},
            "certificates": [certificate],
            "signer_infos": [info],
        }
    )
    message: bytes = cms.ContentInfo({"content_type": "signed_data", "content": body}).dump()
    return message


def _der(pem: str) -> bytes:
    return base64.b64decode("".join(pem.strip().splitlines()[1:-1]))


def certificate_of(signer: Json) -> bytes:
    """The DER of a signer's certificate; the PEM is checked on the way."""
    load_pem_x509_certificate(signer["certificate_pem"].encode())
    return _der(signer["certificate_pem"])


def authorization(data: Json, signer: Json) -> Json:
    message = signed(text_to_sign(compact(data)).encode("utf-16-le"), signer)
    return {
        "authorizationString": base64.b64encode(message).decode(),
        "authorizationId": signer["authorization_id"],
    }


def interbank(account: str = "0001234567890", name: str = "NGUYEN VAN A", code: str = "970422") -> Json:
    return {"interbank": {"accountNumber": account, "beneficiaryName": name, "bank": {"napasCode": code}}}


def inside(account: str, name: str) -> Json:
    return {"inside": {"account": {"accountNumber": account, "beneficiaryName": name}}}


def citad(account: str = "101234567890", name: str = "CONG TY A", code: str = "01201001") -> Json:
    target = {"account": {"accountNumber": account, "beneficiaryName": name}}
    return {"citad": {"bank": {"citadCode": code}, "target": target}}


def amount_of(dong: int) -> Json:
    text = str(dong)
    return {
        "sourceCurrency": "VND",
        "targetCurrency": "VND",
        "amount": text,
        "exchangeRate": "1",
        "exchangeAmount": text,
    }


def transaction(trace: str, dong: int = 200_000, kind: str = "IBFT", to: Json | None = None) -> Json:
    return {
        "transactionTraceNumber": trace,
        "transactionType": kind,
        "beneficiary": to or interbank(),
        "amount": amount_of(dong),
        "remarks": f"Chi tra {trace}",
    }


class Customer:
    """The enrolled company: `row` is its line of accounts.json; `url` where the bank listens."""

    def __init__(self, row: Json, url: str) -> None:
        self.row = row
        self.api = f"{url}/acb/open"
        self.http = httpx.Client(trust_env=False, timeout=10, verify=False)  # noqa: S501 - loopback without TLS
        self.bearer = ""

    def token(self, **changes: str) -> httpx.Response:
        form = {
            "client_id": self.row["client_id"],
            "client_secret": self.row["client_secret"],
            "grant_type": "client_credentials",
            "scope": "soba-api",
        }
        path = "/iam/id/v1/auth/realms/soba/protocol/openid-connect/token"
        return self.http.post(self.api + path, data=form | changes)

    def headers(self, **more: str) -> dict[str, str]:
        if not self.bearer:
            self.bearer = f"Bearer {self.token().json()['access_token']}"
        return {
            "Authorization": self.bearer,
            "X-Client-ID": self.row["client_id"],
            "X-Provider-ID": self.row["provider_id"],
            "X-Request-ID": str(uuid.uuid4()),
        } | {name.replace("_", "-"): value for name, value in more.items()}

    def balance(self, number: str = "12345678", **headers: str) -> httpx.Response:
        named = self.headers(X_Service="account-information") | headers
        path = "/customers/account/v1/balances"
        return self.http.get(self.api + path, params={"account_number": number}, headers=named)

    def history_headers(self) -> dict[str, str]:
        return self.headers(
            X_Service="statement",
            Request_ID=str(uuid.uuid4()),
            Provider_ID=self.row["provider_id"],
            TPP_ID="SOCAI",
            Request_DateTime=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    def history(self, without: tuple[str, ...] = (), /, **changes: str | int) -> httpx.Response:
        today = datetime.now(VIETNAM).date().isoformat()
        asked: dict[str, str | int] = {
            "account": "12345678",
            "fromDate": today,
            "toDate": today,
            "page": 1,
            "size": 100,
        }
        headers = {name: value for name, value in self.history_headers().items() if name not in without}
        path = "/accounts/transactions/v2/transaction-history"
        return self.http.get(self.api + path, params=asked | changes, headers=headers)

    def rows(self, **changes: str | int) -> list[Json]:
        found: list[Json] = self.history(**changes).json()["responseData"]["transactions"]
        return found

    def body(self, data: Json, signers: list[Json] | None = None) -> Json:
        signers = signers or self.row["signers"]
        return {
            "requestTrace": str(uuid.uuid4()),
            "requestDateTime": datetime.now(VIETNAM).isoformat(timespec="milliseconds"),
            "requestParameters": {"data": data, "authorizations": [authorization(data, who) for who in signers]},
        }

    def send(self, body: Json, bulk: bool = False, /, **headers: str) -> httpx.Response:
        path = f"{ORDERS}/{'bulk-' if bulk else ''}transaction"
        return self.send_raw(compact(body).encode(), path, **headers)

    def send_raw(self, body: bytes, path: str = f"{ORDERS}/transaction", **headers: str) -> httpx.Response:
        named = self.headers(X_Channel="SOBA", Content_Type="application/json") | headers
        return self.http.post(self.api + path, content=body, headers=named)

    def pay(self, trace: str, dong: int = 200_000, kind: str = "IBFT", to: Json | None = None) -> httpx.Response:
        """Send a well-formed order."""
        return self.send(self.body(self.data(transaction(trace, dong, kind, to))))

    def data(self, one: Json) -> Json:
        return {"sourceAccountNumber": self.row["account_number"], "transaction": one}

    def pay_bulk(self, bulk: str, lines: list[Json]) -> httpx.Response:
        data = {"bulkTraceNumber": bulk, "sourceAccountNumber": self.row["account_number"], "transactions": lines}
        return self.send(self.body(data), True)

    def status(self, trace: str, first: str | None = None, last: str | None = None) -> httpx.Response:
        today = datetime.now(VIETNAM).date().isoformat()
        asked = {"transactionTraceNumber": trace, "fromDate": first or today, "toDate": last or today}
        return self.http.get(f"{self.api}{ORDERS}/transaction", params=asked, headers=self.headers(X_Channel="SOBA"))

    def bulk_status(self, bulk: str) -> httpx.Response:
        path = f"{self.api}{ORDERS}/bulk-transaction"
        return self.http.get(path, params={"bulkTraceNumber": bulk}, headers=self.headers(X_Channel="SOBA"))

    def line(self, trace: str) -> Json:
        found: Json = self.status(trace).json()["responseData"]["transactions"][0]
        return found

    def ended(self, trace: str) -> Json:
        """The order's line once it is TRAN or INVA."""
        return until(lambda: line if (line := self.line(trace))["status"] in ("TRAN", "INVA") else None) or {}


class ControlPort:
    """The control port, refusing to overlook an error unless told to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=10, verify=False)  # noqa: S501 - loopback

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, **body: Any) -> tuple[int, str]:
        answer = self.http.post(path, json=body)
        return answer.status_code, answer.json()["error"]

    def balance(self, number: str = "12345678") -> int:
        found: int = next(row for row in self.get("/state")["accounts"] if row["number"] == number)["balance"]
        return found

    def last_refusal(self) -> str:
        found: str = self.get("/refusals")[-1]["reason"]
        return found


class Mailbox:
    """Where the customer takes webhooks: records them and answers properly, or as `answer` (to JSON) or
    `answer_text` (to anything) says.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], str]] = []
        self.answer: Callable[[Json], tuple[int, str]] = acknowledge
        self.answer_text: Callable[[str], tuple[int, str]] = lambda text: self.answer(_read(text))
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = mailbox.answer_text(text)
                mailbox.taken.append(({name.lower(): value for name, value in self.headers.items()}, text))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer.encode())))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/acb"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def bodies(self, count: int) -> list[Json]:
        """The first `count` webhooks, waited for."""
        until(lambda: len(self.taken) >= count)
        return [json.loads(text) for _, text in self.taken[:count]]

    def rows(self, count: int) -> list[Json]:
        """The transactions of the first `count` webhooks."""
        parts = (body["requestParameters"]["request"]["requestParams"] for body in self.bodies(count))
        return [row for part in parts for row in part["transactions"]]


def _read(text: str) -> Json:
    try:
        body: Json = json.loads(text)
    except ValueError:
        return {}
    return body


def acknowledgement(body: Json) -> Json:
    return {
        "requestTrace": body.get("requestTrace", ""),
        "responseDateTime": datetime.now(VIETNAM).strftime("%Y-%m-%dT%H:%M:%S.000+0700"),
        "responseStatus": {"responseCode": "00000000", "responseMessage": "success"},
        "responseBody": {"index": 1, "referenceCode": "wh_1"},
    }


def acknowledge(body: Json) -> tuple[int, str]:
    return 200, json.dumps(acknowledgement(body))

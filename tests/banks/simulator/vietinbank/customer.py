"""A customer of the simulated VietinBank, written from chapter 4 of the specification, with its own signing."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

Json = dict[str, Any]
VIETNAM = timezone(timedelta(hours=7))


def signed(text: str, pem: str, digest: HashAlgorithm | None = None) -> str:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), digest or SHA256())).decode()


def check(signature: str, text: str, pem: str, digest: HashAlgorithm | None = None) -> None:
    """Raises InvalidSignature."""
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signature), text.encode(), padding.PKCS1v15(), digest or SHA256())


def joined(body: Json, *names: str) -> str:
    return "".join(body[name] for name in names)


def record(trans_id: str, dong: int = 200_000, **changes: str) -> Json:
    return {
        "transId": trans_id,
        "approver": "checker1",
        "transType": "np",
        "amount": str(dong),
        "recvAcctId": "0001234567890",
        "recvBankId": "970422",
        "recvBranchId": "970422",
        "recvBankName": "970422",
        "recvAcctName": "NGUYEN VAN A",
        "recvAddr": "",
        "remark": f"{trans_id} Chi tra",
        "currencyCode": "VND",
        "senderBankId": "01201001",
        "senderBranchId": "01201001",
        "senderAcctId": "110000000001",
        "senderAcctName": "CONG TY SOCAI",
        "senderAddr": "",
    } | changes


class Customer:
    """The enrolled company: `row` is its line of accounts.json."""

    def __init__(self, row: Json, url: str) -> None:
        self.row = row
        self.api = f"{url}/vtb/public/"
        self.http = httpx.Client(trust_env=False, timeout=10)
        self._numbers = itertools.count(1)
        self.sent: Json = {}

    def headers(self, **changes: str) -> dict[str, str]:
        return {
            "x-ibm-client-id": self.row["client_id"],
            "x-ibm-client-secret": self.row["client_secret"],
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "application/json",
        } | {name.replace("_", "-"): value for name, value in changes.items()}

    def common(self, channel: str = "WEB") -> Json:
        return {
            "requestId": f"R{next(self._numbers):06d}",
            "merchantId": "",
            "providerId": self.row["provider_id"],
            "channel": channel,
            "version": "1.0",
            "language": "vi",
            "transTime": datetime.now(VIETNAM).strftime("%Y%m%d%H%M%S"),
        }

    def post(self, path: str, body: Json, /, **headers: str) -> httpx.Response:
        self.sent = body
        return self.http.post(self.api + path, content=json.dumps(body).encode(), headers=self.headers(**headers))

    def lookup(self, account: str, bank: str = "970415", /, **changes: Any) -> httpx.Response:
        body = self.common() | {"account": account, "bankId": bank, "clientIP": self.row["client_ip"]}
        names = ("requestId", "providerId", "merchantId", "account", "bankId", "clientIP", "channel", "version")
        body["signature"] = signed(joined(body, *names, "language"), self.row["private_key_pem"])
        return self.post("erp/v1/account/benAcctInq", body | changes)

    def transfer_body(self, records: list[Json], **changes: Any) -> Json:
        body = self.common() | {
            "model": "2",
            "softwareProviderId": self.row["software_provider_id"],
            "priority": "3",
            "feeAccount": self.row["account_number"],
            "feeType": "OUR",
            "appointedApprover": self.row["appointed_approver"],
            "scheduledDate": "",
            "approver": self.row["approver"],
            "records": records,
            "clientIP": self.row["client_ip"],
        }
        body |= changes
        return body | {"signature": signed(self.transfer_plain(body), self.row["private_key_pem"])}

    @staticmethod
    def transfer_plain(body: Json) -> str:
        head = ("requestId", "providerId", "merchantId", "model", "priority", "softwareProviderId")
        more = ("appointedApprover", "feeAccount", "feeType", "scheduledDate", "approver")
        inner = "".join(joined(one, "transId", "senderAcctId", "recvAcctId", "amount") for one in body["records"])
        return (
            joined(body, *head, *more) + inner + joined(body, "transTime", "channel", "version", "clientIP", "language")
        )

    def pay(self, trans_id: str, dong: int = 200_000, /, **changes: str) -> httpx.Response:
        """Send a well-formed order; its requestId is its transId too."""
        return self.post(
            "erp/v1/payment/transfer", self.transfer_body([record(trans_id, dong, **changes)], requestId=trans_id)
        )

    def enquire(self, trans_id: str, original: str | None = None) -> httpx.Response:
        body = self.common() | {"originalRequestId": original or trans_id, "transId": trans_id}
        body["clientIP"] = self.row["client_ip"]
        names = ("requestId", "providerId", "merchantId", "originalRequestId", "transId")
        body["signature"] = signed(joined(body, *names), self.row["private_key_pem"])
        return self.post("erp/v1/payment/inquiry", body)

    def line(self, trans_id: str) -> Json:
        (found,) = self.enquire(trans_id).json()["records"]
        line: Json = found
        return line

    def statement(self, direction: str, day: str | None = None, /, **changes: Any) -> httpx.Response:
        body = self.common("ERP") | {
            "model": "1",
            "account": self.row["account_number"],
            "fromDate": day or datetime.now(VIETNAM).strftime("%d/%m/%Y"),
            "accountType": "D",
            "collectionType": direction,
            "agencyType": "a",
            "clientIP": self.row["client_ip"],
        }
        names = ("requestId", "providerId", "merchantId", "account")
        body["signature"] = signed(joined(body, *names), self.row["private_key_pem"])
        return self.post("erp/v1/statement/inquiry", body | changes)

    def rows(self, direction: str) -> list[Json]:
        found: list[Json] = self.statement(direction).json()["records"]
        return found

    def balance(self, account: str | None = None) -> httpx.Response:
        body = self.common() | {"accountId": account or self.row["account_number"]}
        names = ("requestId", "providerId", "merchantId", "accountId", "transTime", "channel", "version", "language")
        body["signature"] = signed(joined(body, *names), self.row["private_key_pem"], SHA1())  # noqa: S303 - the bank's
        return self.post("disbursement/merchantAccountInfo", body)


def covered(one: Json, *, balance: bool) -> str:
    """What a notice (with the balance and more) or the answer to it signs of one record."""
    names = ["transId", "originalId", "transTime", "custCode", "custName", "custAcct", "amount"]
    text = joined(one, *names, *(["balance"] if balance else [])) + str(one["status"]["code"])
    return text + (joined(one, "bankTransId", "remark") if balance else "")


def acknowledgement(row: Json, notice: Json, code: str = "00", /, **changes: Any) -> tuple[int, str]:
    """The answer of 4.1.6 to a notice, signed by the customer."""
    text = code + "".join(covered(one, balance=False) for one in notice["data"]["records"])
    header = notice["header"] | {"msgType": "1210", "signature": signed(text, row["private_key_pem"])} | changes
    body = {"header": header, "data": {"errors": {"errorCode": code, "errorDesc": "received"}}}
    return 200, json.dumps(body)

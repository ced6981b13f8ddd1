"""A customer of the simulated Techcombank, written from the bank wire specification: own XML, signing and sealing."""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
from datetime import datetime
from functools import cache
from typing import Any
from xml.etree import ElementTree

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from tests.banks.simulator.customer import VIETNAM, Json, until

PATH = "/Partner2TCB/Payment/v3"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
COLLECTION = "http://www.techcombank.com.vn/services/bank/collection/v1"
ACCOUNT = "http://www.techcombank.com.vn/account/v1"
MB = "01311001"


def today() -> str:
    return datetime.now(VIETNAM).date().isoformat()


@cache
def private_key(pem: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def public_key(certificate_pem: str) -> rsa.RSAPublicKey:
    key = load_pem_x509_certificate(certificate_pem.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def signed(canonical: str, private_pem: str) -> str:
    """5.1.1: the digest of the text is the message that is signed, and hashed once more."""
    digest = hashlib.sha256(canonical.encode()).digest()
    return base64.b64encode(private_key(private_pem).sign(digest, padding.PKCS1v15(), SHA256())).decode()


def holds(signature: str, message: bytes, certificate_pem: str) -> bool:
    """Whether the bank signed this message."""
    try:
        public_key(certificate_pem).verify(base64.b64decode(signature), message, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def sealed(text: str, certificate_pem: str, generation: str = "gcm") -> str:
    """5.1.2: RSA(AES key), IV, ciphertext."""
    inner, iv = os.urandom(32), os.urandom(16)
    if generation == "gcm":
        ciphertext = AESGCM(inner).encrypt(iv, text.encode(), None)
    else:
        padder, cipher = PKCS7(128).padder(), Cipher(algorithms.AES256(inner), modes.CBC(iv)).encryptor()
        ciphertext = cipher.update(padder.update(text.encode()) + padder.finalize()) + cipher.finalize()
    wrapped = public_key(certificate_pem).encrypt(inner, padding.PKCS1v15())
    return base64.b64encode(wrapped + iv + ciphertext).decode()


def unsealed(text: str, private_pem: str) -> str:
    """What a GCM envelope for this key holds."""
    key, raw = private_key(private_pem), base64.b64decode(text)
    size = key.key_size // 8
    inner = key.decrypt(raw[:size], padding.PKCS1v15())
    return AESGCM(inner).decrypt(raw[size : size + 16], raw[size + 16 :], None).decode()


def read(text: str, namespace: str = COLLECTION) -> tuple[str, Any]:
    """Name and content of the one element in a SOAP body; a list where a name repeats."""
    body = ElementTree.fromstring(text.encode()).find(f"{{{ENVELOPE}}}Body")  # noqa: S314 - our own bank's
    assert body is not None
    (held,) = body
    return held.tag.removeprefix(f"{{{namespace}}}"), content(held, namespace)


def content(element: ElementTree.Element, namespace: str = COLLECTION) -> Any:
    """The children by name, or the text."""
    if not len(element):
        return element.text or ""
    found: Json = {}
    for child in element:
        name = child.tag.removeprefix(f"{{{namespace}}}")
        value, known = content(child, namespace), found.get(name)
        found[name] = value if known is None else [*(known if isinstance(known, list) else [known]), value]
    return found


def envelope(inner: str) -> str:
    return f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Header/><e:Body>{inner}</e:Body></e:Envelope>'


def code_of(said: Json) -> str:
    """The code in RspnSts, which must go with the word beside it."""
    code = str(said["RspnSts"]["AddtlStsRsnInf"]).partition("|")[0]
    assert said["RspnSts"]["Sts"] == ("RCCF" if code == "000" else "RCER")
    return code


class Customer:
    """The enrolled company: `row` is its line of accounts.json; `url` where the bank listens."""

    def __init__(self, row: Json, url: str, tls: ssl.SSLContext | bool = False) -> None:
        self.row = row
        self.url = url + PATH
        self.generation = "gcm"
        auth = httpx.BasicAuth(row["username"], row["password"])
        self.http = httpx.Client(trust_env=False, timeout=10, verify=tls, auth=auth)

    def call(self, action: str, inner: str, **headers: str) -> httpx.Response:
        named = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
        return self.http.post(self.url, content=envelope(inner).encode(), headers=named | headers)

    def signatures(self, canonical: str) -> str:
        """Sgntr of all signers."""
        texts = [
            f'<Sgntr{place} user="{signer["user"]}">{signed(canonical, signer["private_key_pem"])}</Sgntr{place}>'
            for place, signer in enumerate(self.row["signers"], start=1)
        ]
        return f"<Sgntr>{''.join(texts)}</Sgntr>"

    def request(self, name: str, id_: str, inner: str, signatures: str = "", kind: str = "") -> str:
        general = f"<Id>{id_}</Id><TxId>{id_}</TxId><CreDtTm>{today()}</CreDtTm>{kind}<Desc>test</Desc>{signatures}"
        parties = (("TrgtPty", "H2H"), ("SrcPty", self.row["partner"]), ("Rqstr", self.row["channel"]))
        environment = "".join(f"<{party}><Nm>{value}</Nm></{party}>" for party, value in parties)
        head = f'<{name} xmlns="{COLLECTION}"><ReqGnlInf>{general}</ReqGnlInf><Envt>{environment}</Envt>'
        return f"{head}<ReqInf>{inner}</ReqInf></{name}>"

    def order(self, id_: str, **changes: str) -> str:
        """XferReq; `changes` to values of 5.1.3, to what is sealed (`plain`) and what is signed (`canonical`)."""
        values = {
            "type": "NAPAS",
            "day": today(),
            "amount": "200000",
            "memo": f"{id_} Chi tra",
            "source": self.row["account_number"],
            "sender": "CTY TNHH SOCAI",
            "account": "0001234567890",
            "holder": "NGUYEN VAN A",
            "citad": MB,
        } | changes
        plain = (
            f'<ReqInf xmlns="{COLLECTION}"><TxTp>DOMESTIC</TxTp><TxDt>{values["day"]}</TxDt>'
            f"<TxAmt>{values['amount']}</TxAmt><Desc>{values['memo']}</Desc><FrAcct>"
            f"<AcctId>{values['source']}</AcctId><AcctTitl>{values['sender']}</AcctTitl></FrAcct><ToAcct>"
            f"<AcctId>{values['account']}</AcctId><AcctTitl>{values['holder']}</AcctTitl>"
            f"<FIData><CITAD>{values['citad']}</CITAD></FIData></ToAcct></ReqInf>"
        )
        signed_fields = [values[name] for name in ("account", "holder", "day", "amount")]
        canonical = changes.get("canonical") or "".join(["FundTransfer", id_, *signed_fields])
        closed = sealed(changes.get("plain") or plain, self.row["bank_certificate_pem"], self.generation)
        return self.request("XferReq", id_, closed, self.signatures(canonical), f"<PmtTp>{values['type']}</PmtTp>")

    def send(self, order: str) -> httpx.Response:
        return self.call("FundTransfer", order)

    def pay(self, id_: str, **changes: str) -> Json:
        """What XferRspn says to a well-formed order."""
        answer = self.send(self.order(id_, **changes))
        assert answer.status_code == 200, answer.text
        name, said = read(answer.text)
        assert name == "XferRspn"
        return dict(said)

    def code(self, id_: str, **changes: str) -> str:
        """The code of the answer to an order."""
        return code_of(self.pay(id_, **changes))

    def ask(self, id_: str, signatures: str | None = None) -> httpx.Response:
        signatures = self.signatures(f"InqTransactionStatusENQ-{id_}{id_}") if signatures is None else signatures
        inner = f"<ReqTxId>{id_}</ReqTxId><Desc>where is it</Desc>"
        return self.call("InqTransactionStatus", self.request("InqTxStsReq", f"ENQ-{id_}", inner, signatures))

    def status(self, id_: str) -> Json:
        """The record of an order."""
        name, said = read(self.ask(id_).text)
        assert name == "InqTxStsRspn"
        return dict(said["TxRcrd"]["ResResults"])

    def ended(self, id_: str) -> Json:
        """The record of an order once it has ended."""
        return until(lambda: row if (row := self.status(id_))["TxnSts"] in ("COMPLETED", "FAILED") else None) or {}

    def account(self, number: str, role: str = "OWNER", canonical: str | None = None) -> Json:
        """What AcctInqRs says of an account."""
        canonical = canonical or f"AcctInqRQ-1AcctInqSOCAI{role}ACCT{number}"
        selection = f"<AcctSel><AcctKeys><AcctId>{number}</AcctId></AcctKeys></AcctSel>"
        closed = sealed(selection, self.row["bank_certificate_pem"], self.generation)
        token = signed(canonical, self.row["signers"][0]["private_key_pem"])
        inner = (
            f'<AcctInqRq xmlns="{ACCOUNT}"><RqUID>RQ-1</RqUID><MsgRqHdr><SvcIdent><SvcName>AcctInq</SvcName></SvcIdent>'
            f"<CredentialsRqHdr><SubjectRole>{role}</SubjectRole><OvrdExceptionCode>ACCT</OvrdExceptionCode>"
            "</CredentialsRqHdr><ContextRqHdr><ClientApp><Name>SOCAI</Name></ClientApp></ContextRqHdr></MsgRqHdr>"
            f"<RecCtrlIn><Cursor><BinLength>1</BinLength><BinData>{closed}</BinData></Cursor><Token>{token}</Token>"
            "</RecCtrlIn></AcctInqRq>"
        )
        name, said = read(self.call("AccountInfo", inner).text, ACCOUNT)
        assert name == "AcctInqRs"
        return dict(said)

    def banks(self, wanted: str = "ALL") -> Json:
        inner = self.request("InqBnkInfReq", "BNK-1", f"<BkID>{wanted}</BkID>")
        name, said = read(self.call("InqListBankInfo", inner).text)
        assert name == "InqBnkInfRspn"
        return dict(said)

    def history(self, **changes: str | int) -> httpx.Response:
        asked: dict[str, str | int] = {
            "arrangementId": self.row["account_number"],
            "bookingDateGreaterThan": today(),
            "bookingDateLessThan": today(),
            "from": 0,
            "size": 500,
        }
        return self.http.get(f"{self.url}/transactions", params=asked | changes)


def acknowledgement(text: str, sts: str = "RCCF", code: str = "000", **changes: str) -> tuple[int, str]:
    """UpdateStatusRspn to the callback `text`, or what the contract of 5.1.7 wants to a push of a movement."""
    if text.startswith("{"):
        return 200, '{"code":"000","message":"Success"}'
    general = read(text)[1]["ReqGnlInf"]
    values = {name: general[name] for name in ("Id", "TxId", "CreDtTm", "PmtTp", "Desc")} | {"HeaderHashStr": "x"}
    echo = "".join(f"<n:{name}>{value}</n:{name}>" for name, value in (values | changes).items())
    signature = "<n:Sgntr><n:Sgntr1>x</n:Sgntr1><n:Sgntr2/></n:Sgntr>"
    status = f"<n:RspnSts><n:Sts>{sts}</n:Sts><n:AddtlStsRsnInf>{code}|text</n:AddtlStsRsnInf></n:RspnSts>"
    head = f'<n:UpdateStatusRspn xmlns:n="{COLLECTION}"><n:RspnInf>{echo}{signature}</n:RspnInf>'
    return 200, envelope(f"{head}{status}</n:UpdateStatusRspn>")

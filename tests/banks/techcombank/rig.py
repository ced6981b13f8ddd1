"""Techcombank in front of a scripted server, with replies written from chapter 5.1 of the bank wire specification."""

from __future__ import annotations

import itertools
from time import monotonic
from uuid import UUID

from banks.accounts import BankAccount
from banks.techcombank import Techcombank
from banks.techcombank_credentials import TechcombankCredentials
from banks.transport import Limits, Transport
from ledger.settings import Secret
from tests.banks.contract import NOW, Rig
from tests.banks.http_server import HttpServer, Received, http
from tests.banks.techcombank.wire import ACCOUNT_NUMBER, HOLDER, ORDER, key, party, recorded, update

PASSWORD = "planted-password-0001"

CALLS = {"FundTransfer": "order", "InqTransactionStatus": "status", "AccountInfo": "balance"}


def account(base_url: str) -> BankAccount:
    return BankAccount(
        id="ba_techcombank_main",
        bank="techcombank",
        account_number=ACCOUNT_NUMBER,
        holder=HOLDER,
        base_url=f"{base_url}/Partner2TCB",
        credentials=TechcombankCredentials(
            party=party(),
            username="srv_socai",
            password=Secret(PASSWORD),
            bank_signing_keys=(key("signing").public_key(), key("older").public_key()),
            client_certificate=None,
            client_key=None,
            authority=None,
            opening_key=key("ours"),
        ),
    )


def open_rig(server: HttpServer, base_url: str | None = None) -> Rig:
    """`say` takes replies under order, status and balance; the waits are short."""
    numbers = itertools.count(1)
    transport = Transport(monotonic, limits=Limits(connect_s=2, read_s=1, call_s=4, answer_max=64 * 1024))
    bank = Techcombank(account(base_url or server.url), transport, lambda: NOW, lambda: str(UUID(int=next(numbers))))
    rig = Rig(
        bank=bank,
        transport=transport,
        order=ORDER,
        accepted=http(200, recorded("transfer_accepted.xml").encode()),
        executed=http(200, recorded("status_completed.xml").encode()),
        declined=http(200, recorded("transfer_refused.xml").encode()),
        not_found=http(200, recorded("status_nothing.xml").encode()),
        notice=update(),
        good_headers=[{}],
        forged=[update(by="maker"), update(text="UpdateStatus"), b"", b"<x/>"],
        secrets=[PASSWORD, ACCOUNT_NUMBER, "0001234567890", "PRIVATE"],
        orders_received=lambda: sum(call_of(one) == "order" for one in server.received),
        say={"balance": http(200, recorded("account.xml").encode())},
    )
    server.script = lambda request: rig.say[call_of(request)]
    return rig


def call_of(request: Received) -> str:
    return CALLS[request.headers["soapaction"]]

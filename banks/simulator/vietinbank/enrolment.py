"""How a company becomes VietinBank's customer: IBM keys, users at eFAST, its public key, and the bank's own key."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from banks.simulator import keys
from banks.simulator.enrolment import ClientSide, Enrolment

API_PATH: Final = "/vtb/public"


class VietinSide(ClientSide, frozen=True, kw_only=True):
    """What VietinBank keeps. The client secret only as SHA-256; `bank_private_pem` signs what the bank says."""

    provider_id: str
    software_provider_id: str
    approver: str
    appointed_approver: str
    client_ip: str
    customer_public_pem: str
    bank_private_pem: str

    __repr__ = ClientSide.__repr__


def enrol(enrolment: Enrolment) -> tuple[VietinSide, list[dict[str, object]]]:
    """What the bank keeps, and the customer's rows."""
    client_secret, ours, theirs = secrets.token_hex(16), keys.new_key(), keys.new_key()
    side = VietinSide(
        base_url=enrolment.base_url,
        accounts=enrolment.enrolled,
        client_id=secrets.token_hex(16),
        client_secret_sha256=hashlib.sha256(client_secret.encode()).hexdigest(),
        provider_id="SOCAI",
        software_provider_id="ERP-SOCAI",
        approver="checker1",
        appointed_approver="maker1",
        client_ip="127.0.0.1",
        customer_public_pem=keys.public_pem(theirs),
        bank_private_pem=keys.private_pem(ours),
    )
    shared: dict[str, object] = {
        "bank": "vietinbank",
        "holder": enrolment.holder,
        "base_url": side.base_url + API_PATH,
        "client_id": side.client_id,
        "client_secret": client_secret,
        "provider_id": side.provider_id,
        "software_provider_id": side.software_provider_id,
        "approver": side.approver,
        "appointed_approver": side.appointed_approver,
        "client_ip": side.client_ip,
        "private_key_pem": keys.private_pem(theirs),
        "bank_public_key_pem": keys.public_pem(ours),
    }
    return side, [{"id": id_, "account_number": number, **shared} for id_, number in enrolment.accounts]

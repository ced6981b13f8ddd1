"""How a company becomes MB's customer: client credentials, the two codes of its transaction ids, the key it signs
transfers with, and what MB proves itself with when it calls.

MB fetches a token of ours with a user and a password we gave it; that password is the `webhook_key` of the enrolment.
The key under which we sign those tokens is in our row only: MB never sees it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from msgspec.structs import replace

from banks.simulator import keys
from banks.simulator.enrolment import ClientSide, Enrolment

PARTNER_PATH: Final = "/private"
CHANNEL: Final = "SOCAI"
BUSINESS: Final = "CHI"


class MbSide(ClientSide, frozen=True, kw_only=True):
    """What MB keeps. The client secret only as SHA-256; what MB itself sends or counts with in clear."""

    channel_code: str
    business_code: str
    customer_public_pem: str
    push_username: str
    push_password: str
    mms_access_key: str

    __repr__ = ClientSide.__repr__

    @property
    def codes(self) -> str:
        """What every transaction id of this customer begins with."""
        return self.channel_code + self.business_code


def enrol(enrolment: Enrolment) -> tuple[MbSide, list[dict[str, object]]]:
    """What the bank keeps, and the customer's rows."""
    client_secret, key = secrets.token_urlsafe(32), keys.new_key()
    side = MbSide(
        base_url=enrolment.base_url,
        accounts=enrolment.enrolled,
        client_id=secrets.token_hex(16),
        client_secret_sha256=hashlib.sha256(client_secret.encode()).hexdigest(),
        channel_code=CHANNEL,
        business_code=BUSINESS,
        customer_public_pem=keys.public_pem(key),
        push_username="mb-push",
        push_password=enrolment.webhook_key or secrets.token_urlsafe(32),
        mms_access_key=secrets.token_urlsafe(32),
    )
    shared: dict[str, object] = {
        "bank": "mb",
        "holder": enrolment.holder,
        "base_url": side.base_url + PARTNER_PATH,
        "client_id": side.client_id,
        "client_secret": client_secret,
        "channel_code": side.channel_code,
        "business_code": side.business_code,
        "private_key_pem": keys.private_pem(key),
        "push_username": side.push_username,
        "push_password": side.push_password,
        "webhook_key": secrets.token_urlsafe(32),
        "mms_access_key": side.mms_access_key,
    }
    return side, [{"id": id_, "account_number": number, **shared} for id_, number in enrolment.accounts]


def with_password(
    known: MbSide, rows: list[dict[str, object]], password: str
) -> tuple[MbSide, list[dict[str, object]]]:
    """The same enrolment with another password for MB's calls."""
    return replace(known, push_password=password), [row | {"push_password": password} for row in rows]

"""The shop believes only what is signed with its secret, and lately."""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64decode, b64encode

import httpx

from local.shop import TOLERANCE_S, Shop, verify

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()
BODY = b'{"type":"payment_intent.paid"}'


def headers(body: bytes, at: float, secret: str = SECRET, name: str = "msg_1") -> dict[str, str]:
    signed = f"{name}.{int(at)}.".encode() + body
    digest = hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, "sha256")
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }


def test_the_published_vector_holds() -> None:
    given = {
        "webhook-id": "msg_loFOjxBNrRLzqYUf",
        "webhook-timestamp": "1731705121",
        "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0= v1,bm90",
    }
    secret = "whsec_plJ3nmyCDGBKInavdOK15jsl"
    body = b'{"event_type":"ping","data":{"success":true}}'
    assert verify(secret, given, body, 1731705121)
    assert not verify(secret, given, body + b" ", 1731705121)


def test_another_secret_body_id_or_time_does_not_hold() -> None:
    now = 1_700_000_000.0
    good = headers(BODY, now)
    assert verify(SECRET, good, BODY, now)
    other = "whsec_" + b64encode(bytes(32)).decode()
    assert not verify(other, good, BODY, now)
    assert not verify(SECRET, good, BODY + b" ", now)
    assert not verify(SECRET, {**good, "webhook-id": "msg_2"}, BODY, now)
    assert not verify(SECRET, {**good, "webhook-timestamp": "soon"}, BODY, now)
    assert not verify(SECRET, good, BODY, now + TOLERANCE_S + 2)
    assert not verify(SECRET, {}, BODY, now)


def test_the_shop_remembers_what_was_signed_and_refuses_the_rest() -> None:
    with Shop() as shop, httpx.Client(trust_env=False) as client:
        assert client.post(shop.url, content=BODY, headers=headers(BODY, time.time())).status_code == 401
        shop.secret = SECRET
        assert client.post(shop.url, content=BODY, headers=headers(BODY, time.time())).status_code == 204
        assert client.post(shop.url, content=BODY + b" ", headers=headers(BODY, time.time())).status_code == 401
        assert shop.wait_for("payment_intent.paid", 1) == json.loads(BODY)
        assert shop.wait_for("payout.confirmed", 0.01) is None
        assert (len(shop.told), shop.refused) == (1, 2)

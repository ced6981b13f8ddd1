"""Who asks: a merchant's API key or an operator's. Keys are compared as digests, in constant time.

A merchant's key is `sk_<the merchant's id>_<secret>`: the id leads to the merchant's stream, where the digests of its
good keys stand, so a revoked key is refused at once. Roles are `merchant:` and `operator:` with the role of the key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32encode
from collections.abc import Callable
from typing import Final

import msgspec

from ledger import settings
from ledger.errors import ApiKeyInvalid, RoleMissing
from ledger.merchants import KEY_ROLES, Merchant
from ledger.settings import OperatorKey
from ledger.store import Ledger

MERCHANTS: Final = frozenset(f"merchant:{role}" for role in KEY_ROLES)
OPERATORS: Final = frozenset(f"operator:{role}" for role in settings.ROLES)
ADMIN: Final = frozenset({"operator:admin"})
OWNER: Final = frozenset({"merchant:owner"})
REQUESTERS: Final = frozenset({"merchant:owner", "merchant:requester"})
APPROVERS: Final = frozenset({"merchant:owner", "merchant:approver", "operator:approver"})

_MERCHANT_KEY = re.compile(r"sk_([a-z2-7]{26})_[a-z2-7]{52}")
_WAY_OUT = "Send a valid key as: Authorization: Bearer sk_…"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `merchant`: whose key it is, None for an operator's. `scope`: whose idempotency keys count."""

    role: str
    actor: str
    scope: str
    merchant: Merchant | None = None


def digest_of(key: str) -> str:
    """What is kept of a key: SHA-256, hex. Keys are 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).hexdigest()


def new_merchant_key(merchant_id: str, token: Callable[[int], bytes]) -> str:
    """A new API key of a merchant: shown once, never kept."""
    return f"sk_{merchant_id.removeprefix('mer_')}_{b32encode(token(32)).decode().lower().rstrip('=')}"


def admit(
    ledger: Ledger, operators: tuple[OperatorKey, ...], authorization: str | None, roles: frozenset[str]
) -> Caller:
    """Who sends this `Authorization` header. Raises ApiKeyInvalid for nobody we know, RoleMissing outside `roles`."""
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise ApiKeyInvalid(_WAY_OUT, field="Authorization")
    merchant = _MERCHANT_KEY.fullmatch(key)
    caller = _merchant(ledger, f"mer_{merchant[1]}", key) if merchant else _operator(operators, key)
    if caller.role not in roles:
        raise RoleMissing(f"This takes one of: {', '.join(sorted(roles))}.", role=caller.role)
    return caller


def _merchant(ledger: Ledger, merchant_id: str, key: str) -> Caller:
    merchant = ledger.find(Merchant, merchant_id)
    if merchant is None:
        raise ApiKeyInvalid(_WAY_OUT, field="Authorization")
    try:
        known = merchant.key_by_digest(digest_of(key))
    except ApiKeyInvalid as error:
        raise ApiKeyInvalid(_WAY_OUT, field="Authorization") from error
    return Caller(
        role=f"merchant:{known.role}",
        actor=f"merchant:{merchant.id}/key:{known.key_id}",
        scope=merchant.id,
        merchant=merchant,
    )


def _operator(operators: tuple[OperatorKey, ...], key: str) -> Caller:
    digest = digest_of(key)
    found = [operator for operator in operators if hmac.compare_digest(operator.digest, digest)]
    if not found:
        raise ApiKeyInvalid(_WAY_OUT, field="Authorization")
    name = f"operator:{found[0].name}"
    return Caller(role=f"operator:{found[0].role}", actor=name, scope=name)

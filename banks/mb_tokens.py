"""The tokens that MB fetches from us and shows when it calls us (3.1.6), and its merchant product's checksum (3.1.7).

A token is a JSON Web Token with HS256, and nothing of it is kept: it says for which account and until when it is good,
and our signature under it is the proof. Its head is fixed, so there is no algorithm to choose for whoever shows one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from banks.signatures import key_matches
from banks.strict_json import NotJson, parse
from ledger.settings import Secret

LIFE: Final = timedelta(seconds=300)
TOKEN_MAX: Final = 1024


def knows_password(headers: Mapping[str, str], username: str, password: Secret) -> bool:
    """Whether HTTP Basic in `headers` gives this user and password."""
    given = []
    for value in _authorizations(headers):
        scheme, _, rest = value.partition(" ")
        try:
            known = b64decode(rest, validate=True).decode("utf-8", "surrogateescape")
        except ValueError:
            continue
        if scheme.lower() == "basic":
            given.append(known)
    return key_matches(given, [f"{username}:{password.reveal()}"])


def made_token(account_id: str, key: Secret, at: datetime) -> str:
    """A token for the bank of this account, good for LIFE from `at`."""
    since = int(at.timestamp())
    claims = {"aud": account_id, "exp": since + int(LIFE.total_seconds())}
    signed = f"{HEAD}.{_encoded(json.dumps(claims, separators=(',', ':')).encode())}"
    return f"{signed}.{_signature(signed, key)}"


def shows_token(headers: Mapping[str, str], account_id: str, keys: Sequence[Secret], at: datetime) -> bool:
    """Whether a Bearer in `headers` is a token of ours for this account that is good at `at`."""
    for value in _authorizations(headers):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer" and _is_good(token, account_id, keys, at):
            return True
    return False


def checksum(parts: Sequence[str], access_key: Secret) -> str:
    """The bank's MD5 over `parts` and the access key, written together without a separator, as lower-case hex."""
    text = "".join(parts) + access_key.reveal()
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def checksum_matches(given: str, parts: Sequence[str], access_keys: Sequence[Secret]) -> bool:
    """Whether `given` is the checksum of `parts` under one of the keys; letter case does not matter."""
    return key_matches([given.lower()], [checksum(parts, key) for key in access_keys])


def _is_good(token: str, account_id: str, keys: Sequence[Secret], at: datetime) -> bool:
    shape = re.fullmatch(r"([\w-]+)\.([\w-]+)\.([\w-]+)", token, re.ASCII)
    if shape is None or len(token) > TOKEN_MAX or shape[1] != HEAD:
        return False
    signed = f"{shape[1]}.{shape[2]}"
    if not key_matches([shape[3]], [_signature(signed, key) for key in keys]):
        return False
    try:
        claims = parse(urlsafe_b64decode(shape[2] + "=" * (-len(shape[2]) % 4)))
    except (NotJson, ValueError):
        return False
    if not isinstance(claims, dict) or claims.get("aud") != account_id:
        return False
    until = claims.get("exp")
    return isinstance(until, int) and at.timestamp() < until


def _authorizations(headers: Mapping[str, str]) -> list[str]:
    return [value for name, value in headers.items() if name.lower() == "authorization"]


def _signature(signed: str, key: Secret) -> str:
    return _encoded(hmac.digest(key.reveal().encode(), signed.encode(), "sha256"))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


HEAD: Final = _encoded(b'{"alg":"HS256","typ":"JWT"}')

"""Access tokens by client credentials (2.1.1 of the bank wire specification); expiry is really enforced.

Tokens are not remembered across a restart: customers meet a 401 then, as they do when a token grows old.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from banks.simulator.clock import VirtualClock
from banks.simulator.enrolment import BankSide
from banks.simulator.refusals import Refused

SCOPE = "soba-api"
TOKENS_MAX = 1000
"""Tokens alive at once; beyond it the oldest is forgotten."""


class TokenOffice:
    """Gives out tokens to the one enrolled client and knows which are alive."""

    def __init__(self, bank_side: BankSide, clock: VirtualClock) -> None:
        self._bank_side = bank_side
        self._clock = clock
        self._alive_until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def grant(self, form: Mapping[str, str], life_s: int) -> dict[str, object]:
        """The answer to a token request. Raises Refused: 400 for a wrong form, 401 for wrong credentials."""
        if form.get("grant_type") != "client_credentials" or form.get("scope") != SCOPE:
            raise Refused(400, None, f"grant_type must be client_credentials and scope {SCOPE}")
        secret = form.get("client_secret", "")
        if form.get("client_id") != self._bank_side.client_id or not self._bank_side.knows_secret(secret):
            raise Refused(401, None, "client_id or client_secret is wrong")
        token = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._alive_until) >= TOKENS_MAX:
                self._alive_until.pop(next(iter(self._alive_until)))
            self._alive_until[token] = self._clock.now() + timedelta(seconds=life_s)
        return {"access_token": token, "token_type": "Bearer", "expires_in": life_s, "scope": SCOPE}

    def check(self, authorization: str) -> None:
        """Accept a header `Bearer <token>` that is alive. Raises Refused (401)."""
        kind, _, token = authorization.partition(" ")
        with self._lock:
            until = self._alive_until.get(token)
        if kind != "Bearer" or until is None:
            raise Refused(401, None, "Authorization must be Bearer and a token this bank gave out")
        if until <= self._clock.now():
            raise Refused(401, None, "the token has expired")

    def expire(self) -> int:
        """Let every token expire now; answers how many there were."""
        with self._lock:
            count = len(self._alive_until)
            self._alive_until.clear()
        return count

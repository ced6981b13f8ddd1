"""Access tokens of a bank; expiry is really enforced.

Tokens are not remembered across a restart: customers meet a 401 then, as they do when a token grows old.
"""

from __future__ import annotations

import secrets
import threading
from datetime import datetime, timedelta

from banks.simulator.clock import VirtualClock
from banks.simulator.refusals import Refused

TOKENS_MAX = 1000
"""Tokens alive at once; beyond it the oldest is forgotten."""


class TokenOffice:
    """Gives out tokens and knows which are alive. To whom is decided before."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._alive_until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def issue(self, life_s: int) -> str:
        """A new token that lives `life_s` seconds of the bank's clock."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._alive_until) >= TOKENS_MAX:
                self._alive_until.pop(next(iter(self._alive_until)))
            self._alive_until[token] = self._clock.now() + timedelta(seconds=life_s)
        return token

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

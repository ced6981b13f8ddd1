"""An access token kept until four fifths of its life are over, fetched by one thread while the others wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from ledger.settings import Secret

LIFE_MAX: Final = timedelta(days=1)
"""A longer life is not believed: one portal text takes the seconds of `expires_in` for milliseconds (2.1.1)."""


class AccessToken:
    """`fetch` asks the bank and gives the token and its life; whatever it raises comes out of `value`."""

    def __init__(self, fetch: Callable[[], tuple[Secret, timedelta]], clock: Callable[[], datetime]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._held: tuple[Secret, datetime, datetime] | None = None

    def value(self) -> Secret:
        """A token that is fresh by our clock."""
        with self._lock:
            now = self._clock()
            if self._held is None or not self._held[1] <= now < self._held[2]:
                token, life = self._fetch()
                self._held = (token, now, now + min(life, LIFE_MAX) * 4 // 5)
            return self._held[0]

    def drop(self, refused: Secret) -> None:
        """Forgets the token the bank refused, unless another thread has replaced it already."""
        with self._lock:
            if self._held is not None and self._held[0] == refused:
                self._held = None

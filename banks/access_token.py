"""An access token kept until four fifths of its life are over, fetched by one thread while the others wait.

The answer of a bank's token endpoint is read here as well; it is the same at every bank that has one (OAuth 2.0).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from banks.strict_json import NotJson, parse
from banks.transport import Answer, Request
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

    def send(
        self,
        call: Callable[[Request], Answer],
        request: Request,
        refused: Callable[[Answer], bool] = lambda answer: answer.status == 401,
    ) -> Answer:
        """Sends with the token we hold; when the token is `refused`, which means that nothing was processed, once more
        with a new one. Raises what `call` and `fetch` raise.
        """
        token = self.value()
        answer = call(_bearing(request, token))
        if not refused(answer):
            return answer
        self.drop(token)
        return call(_bearing(request, self.value()))


def read_token(answer: Answer) -> tuple[Secret, timedelta]:
    """The token and its life; `expires_in` is in seconds. Raises NotJson."""
    body = parse(answer.body) if answer.status == 200 else None
    if not isinstance(body, dict):
        raise NotJson(f"HTTP {answer.status}")
    token, life = body.get("access_token"), str(body.get("expires_in"))
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]{1,8192}", token):
        raise NotJson("no access_token")
    if not re.fullmatch(r"[1-9][0-9]{0,8}", life):
        raise NotJson("no expires_in")
    return Secret(token), timedelta(seconds=int(life))


def _bearing(request: Request, token: Secret) -> Request:
    headers = {**request.headers, "Authorization": f"Bearer {token.reveal()}"}
    return msgspec.structs.replace(request, headers=headers)

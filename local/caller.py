"""One party's way to Socai or to a simulated bank over HTTP, as the demonstration has it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

WITHIN_S: Final = 60.0
POSITION: Final = "Socai-Position"

Json = dict[str, Any]
"""What HTTP answers hold: read field by field, each missing one is an error."""


class DemoFailed(Exception):
    """A step did not end as it should; the message says which and what was seen."""


class Caller:
    """One party's way to an HTTP address: its key, its idempotency keys, its refusals as errors.

    It hands the position of its last command to every query, so it reads its own writes.
    """

    def __init__(self, base_url: str, key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._position: dict[str, str] = {}
        self._client = httpx.Client(base_url=base_url, headers=headers, timeout=15.0, trust_env=False)

    def get(self, path: str, **query: str) -> Json:
        """A 2xx answer to a GET as JSON; raises DemoFailed otherwise."""
        for _ in range(5):
            answer = self._client.get(path, params=query, headers=self._position)
            if answer.status_code != 503:
                break
        return self._read(answer)

    def listed(self, path: str) -> list[Json]:
        """The same where the answer is a bare list."""
        found: list[Json] = self._client.get(path).raise_for_status().json()
        return found

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        """A 2xx answer to a POST under a fresh idempotency key; raises DemoFailed otherwise."""
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        return self._read(self._client.post(path, json=dict(body or {}), headers=headers))

    def refused(self, path: str) -> str:
        """The code of the problem a POST is answered with; raises DemoFailed when it was accepted."""
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        answer = self._client.post(path, json={}, headers=headers)
        if answer.is_success:
            raise DemoFailed(f"POST {path} was accepted and should not have been")
        return str(answer.json()["code"])

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def _read(self, answer: httpx.Response) -> Json:
        if not answer.is_success:
            request = answer.request
            raise DemoFailed(f"{request.method} {request.url.path} gave {answer.status_code}: {answer.text[:300]}")
        if POSITION in answer.headers and answer.request.method == "POST":
            self._position = {POSITION: answer.headers[POSITION]}
        found: Json = answer.json()
        return found


def wait(holds: Callable[[], bool], what: str, seen: Callable[[], str] = str) -> None:
    """Return once `holds`. Raises DemoFailed with what was `seen` when it does not in WITHIN_S."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {WITHIN_S:.0f} s for {what}; saw {seen() or 'nothing'}")
        time.sleep(0.05)


def until(caller: Caller, path: str, wanted: str) -> Json:
    """The thing at `path` once its status is `wanted`. Raises DemoFailed."""
    seen: Json = {}

    def reached() -> bool:
        nonlocal seen
        seen = caller.get(path)
        return bool(seen["status"] == wanted)

    wait(reached, f"{path} to be {wanted}", lambda: str(seen.get("status")))
    return seen

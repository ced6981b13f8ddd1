"""What a simulated bank refuses: on the wire in the bank's own words, on the control port in plain ones."""

from __future__ import annotations

from typing import Literal

Cause = Literal["maintenance", "foreign_account", "duplicate", "over_limit", "insufficient_funds"]


class Refused(Exception):
    """A request the bank does not accept. `http` and `code` go out; `reason` is told on the control port only.

    Gateway refusals (401, 403, 429) have no response code of the bank: `code` is then None.
    """

    def __init__(self, http: int, code: str | None, reason: str) -> None:
        super().__init__(reason)
        self.http = http
        self.code = code
        self.reason = reason


class Malformed(Exception):
    """A body that is not what the bank expects; the text names the place."""


class Barred(Exception):
    """What no bank does, whatever it calls it: `cause` decides how the bank answers, `reason` says more."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause: Cause = cause
        self.reason = reason


class Impossible(Exception):
    """A control request that cannot be done. `http` is 400 (unreadable), 404 (unknown) or 409 (not in this state)."""

    def __init__(self, http: int, reason: str) -> None:
        super().__init__(reason)
        self.http = http
        self.reason = reason


class Unusable(Exception):
    """The simulator cannot start: enrolment or journal missing or unreadable. Says which file and what to do."""

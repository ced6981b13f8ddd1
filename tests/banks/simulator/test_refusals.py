"""What travels with a refusal."""

from __future__ import annotations

from banks.simulator.refusals import Barred, Impossible, Refused


def test_a_refusal_carries_what_goes_out_and_why() -> None:
    refused = Refused(400, "01030001", "why")
    assert (refused.http, refused.code, refused.reason, str(refused)) == (400, "01030001", "why", "why")
    barred = Barred("duplicate", "why")
    assert (barred.cause, barred.reason, str(barred)) == ("duplicate", "why", "why")
    impossible = Impossible(409, "why")
    assert (impossible.http, impossible.reason) == (409, "why")

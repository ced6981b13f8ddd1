"""Every code the bank may say has its text."""

from __future__ import annotations

from typing import get_args

from banks.simulator.records import EndCause
from banks.simulator.refusals import Cause
from banks.simulator.techcombank import codes


def test_all_causes_have_a_code_and_all_codes_of_refusals_a_text() -> None:
    assert set(codes.BARRED) == set(get_args(Cause))
    assert set(codes.LATE) == set(get_args(EndCause))
    assert set(codes.BARRED.values()) <= set(codes.TEXTS)


def test_a_refusal_is_http_200_with_its_code() -> None:
    refusal = codes.refused(codes.DUPLICATE, "why")
    assert (refusal.http, refusal.code, refusal.reason) == (200, "PA-017", "why")

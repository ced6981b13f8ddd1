"""Tokens live exactly as long as they say."""

from __future__ import annotations

import pytest

from banks.simulator.clock import VirtualClock
from banks.simulator.refusals import Refused
from banks.simulator.tokens import TOKENS_MAX, TokenOffice


def test_a_token_is_good_until_its_last_second() -> None:
    clock = VirtualClock()
    office = TokenOffice(clock)
    header = f"Bearer {office.issue(300)}"
    clock.set_offset(290)
    office.check(header)
    clock.set_offset(301)
    with pytest.raises(Refused, match="expired") as refusal:
        office.check(header)
    assert refusal.value.http == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic abc"])
def test_what_is_no_token_is_unauthorized(header: str) -> None:
    with pytest.raises(Refused) as refusal:
        TokenOffice(VirtualClock()).check(header)
    assert refusal.value.http == 401


def test_expiring_ends_all_tokens_at_once() -> None:
    office = TokenOffice(VirtualClock())
    headers = [f"Bearer {office.issue(300)}" for _ in range(2)]
    assert office.expire() == 2
    for header in headers:
        with pytest.raises(Refused):
            office.check(header)


def test_the_number_of_tokens_alive_is_bounded() -> None:
    office = TokenOffice(VirtualClock())
    oldest = f"Bearer {office.issue(300)}"
    for _ in range(TOKENS_MAX):
        office.issue(300)
    with pytest.raises(Refused):
        office.check(oldest)

"""Tokens live exactly as long as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from banks.simulator.clock import VirtualClock
from banks.simulator.enrolment import load
from banks.simulator.refusals import Refused
from banks.simulator.tokens import TOKENS_MAX, TokenOffice
from tests.banks.simulator.customer import Json


@pytest.fixture
def form(row: Json) -> dict[str, str]:
    return {
        "client_id": row["client_id"],
        "client_secret": row["client_secret"],
        "grant_type": "client_credentials",
        "scope": "soba-api",
    }


def test_a_token_is_good_until_its_last_second(keys: Path, form: dict[str, str]) -> None:
    clock = VirtualClock()
    office = TokenOffice(load(keys), clock)
    header = f"Bearer {office.grant(form, 300)['access_token']}"
    clock.set_offset(290)
    office.check(header)
    clock.set_offset(301)
    with pytest.raises(Refused, match="expired") as refusal:
        office.check(header)
    assert refusal.value.http == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic abc"])
def test_what_is_no_token_is_unauthorized(keys: Path, header: str) -> None:
    with pytest.raises(Refused) as refusal:
        TokenOffice(load(keys), VirtualClock()).check(header)
    assert refusal.value.http == 401


def test_expiring_ends_all_tokens_at_once(keys: Path, form: dict[str, str]) -> None:
    office = TokenOffice(load(keys), VirtualClock())
    headers = [f"Bearer {office.grant(form, 300)['access_token']}" for _ in range(2)]
    assert office.expire() == 2
    for header in headers:
        with pytest.raises(Refused):
            office.check(header)


def test_the_number_of_tokens_alive_is_bounded(keys: Path, form: dict[str, str]) -> None:
    office = TokenOffice(load(keys), VirtualClock())
    oldest = f"Bearer {office.grant(form, 300)['access_token']}"
    for _ in range(TOKENS_MAX):
        office.grant(form, 300)
    with pytest.raises(Refused):
        office.check(oldest)

"""Which store a URL names, and the checksum that stands beside every event."""

from __future__ import annotations

import pytest
from eventsourcing.persistence import InterfaceError

from ledger.event_log import PROVIDERS, checksum, opened, provider_module


@pytest.mark.parametrize("url", ["postgres://u:s3cret@host/db", "s3cret", "", "MONGODB//x"])
def test_an_unknown_scheme_is_refused_with_those_we_know_and_without_the_url(url: str) -> None:
    with pytest.raises(InterfaceError, match="EVENT_STORE_URL must begin with one of mongodb:") as refusal:
        provider_module(url)
    assert "s3cret" not in str(refusal.value)
    with pytest.raises(InterfaceError), opened(url):
        raise AssertionError("opened")


def test_every_provider_is_named_by_its_scheme() -> None:
    assert {provider_module(f"{scheme}://x") for scheme in PROVIDERS} == set(PROVIDERS.values())


def test_a_checksum_is_the_crc_that_anybody_can_count_again() -> None:
    assert checksum("po_1", 3, "payout.requested", b"{}") == 0xF77FE09A
    parts = [("po_1", 3, "payout.requested", b"{ }"), ("po_2", 3, "payout.requested", b"{}")]
    parts += [("po_1", 4, "payout.requested", b"{}"), ("po_1", 3, "payout.approved", b"{}")]
    assert len({checksum(*part) for part in parts} | {checksum("po_1", 3, "payout.requested", b"{}")}) == 5

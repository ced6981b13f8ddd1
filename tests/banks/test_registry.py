"""Banks are found by the files of the package."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest

from banks.acb import Acb
from banks.feeds.sepay import Sepay
from banks.registry import bank_class, bank_classes, feed_classes, open_banks, open_feeds
from banks.transport import Transport
from ledger.errors import InvalidBankAccounts, UnknownBank
from tests.banks.acb.rig import account
from tests.banks.contract import NOW
from tests.banks.feeds.access import account as fed


@pytest.fixture
def transport() -> Iterator[Transport]:
    opened = Transport(monotonic)
    yield opened
    opened.close()


def test_every_adapter_is_found_by_its_code() -> None:
    assert bank_classes()["acb"] is Acb
    assert all(bank.code == code for code, bank in bank_classes().items())
    assert bank_class("acb") is Acb


def test_an_unknown_bank_is_refused_with_the_list_of_those_there_are() -> None:
    with pytest.raises(UnknownBank, match="acb") as refusal:
        bank_class("nobank", field="source_bank")
    assert refusal.value.field == "source_bank"


def test_our_accounts_open_under_their_ids(transport: Transport) -> None:
    ours = account("http://localhost:1")
    opened = open_banks({ours.id: ours}, transport, lambda: NOW, lambda: "t")
    assert list(opened) == ["ba_acb_main"]
    assert isinstance(opened["ba_acb_main"], Acb)


def test_every_aggregator_is_found_by_its_code() -> None:
    assert list(feed_classes()) == ["casso", "cassov1", "payos", "sepay", "sepaykey"]
    assert feed_classes()["sepay"] is Sepay


def test_an_account_that_names_its_feed_has_one() -> None:
    told = fed("sepay", "planted-feed-key-0001", bank="techcombank")
    opened = open_feeds({"ba_acb_main": account("http://localhost:1"), told.id: told}, lambda: NOW)
    assert list(opened) == ["ba_fed"]
    assert isinstance(opened["ba_fed"], Sepay)


def test_a_bank_that_tells_of_its_movements_itself_takes_no_feed_it_cannot_be_merged_with() -> None:
    told = fed("sepay", "planted-feed-key-0001", bank="acb")
    with pytest.raises(InvalidBankAccounts, match="leave its feed out"):
        open_feeds({told.id: told}, lambda: NOW)

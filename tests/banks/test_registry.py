"""Banks are found by the files of the package."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest

from banks.acb import Acb
from banks.registry import bank_class, bank_classes, open_banks
from banks.transport import Transport
from ledger.errors import UnknownBank
from tests.banks.acb.rig import account
from tests.banks.contract import NOW


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

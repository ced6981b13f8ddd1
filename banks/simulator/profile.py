"""What tells one simulated bank from another as far as books, orders and notices are concerned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from msgspec import Struct

from banks.simulator.settings import Settings

LADDER_S: Final = (60, 300, 900, 3600)


class Profile(Struct, frozen=True, kw_only=True):
    """`reference` makes the reference of the bank's n-th movement, booked on a bank day. `answers` are the calls whose
    answers can be spoilt (AnswerFault.to). `decline` is the code and the text of a refusal that nobody described
    further. `account` is the number of a first account. `memo_style` is what the bank makes of a payer's text
    (memos.STYLES). `tells_of_orders`: the customer gets a webhook about an order that has ended;
    `ladder_s` and `order_ladder_s` are when a webhook of a movement or an order is sent again, in seconds after the
    last attempt; `sends_lists`: the movements of a day can be told of together;
    `aggregated`: an aggregator tells of movements (sepay.py), because the bank does not;
    `interest_reference` makes the reference of interest on an account where that is no reference like the others.
    """

    code: str
    name: str
    bin: str
    reference: Callable[[date, int], str]
    answers: frozenset[str]
    decline: tuple[str, str]
    account: str = "12345678"
    memo_style: str = "plain"
    tells_of_orders: bool = False
    ladder_s: tuple[int, ...] = LADDER_S
    order_ladder_s: tuple[int, ...] = LADDER_S
    sends_lists: bool = True
    aggregated: bool = False
    interest_reference: Callable[[str, date], str] | None = None
    settings: type[Settings] = Settings

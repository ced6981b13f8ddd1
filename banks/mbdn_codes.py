"""The message table of MB's corporate bank, and what each message means for an order (3.3.5 and 3.3.6).

One table for all codes; a code that is not in it decides nothing. What the groups come to stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from banks.outcomes import Reason


class Meaning(StrEnum):
    """The groups of the message table."""

    FUNDS = "insufficient funds"
    UNDECIDED = "the result could not be determined"
    AGAIN = "the bank says: try again"
    DUPLICATE = "the bank has seen this before"
    SESSION = "the bank refused our access token"
    PERSON = "the bank wants a person to prove who they are"
    LIMIT = "beyond a limit"
    RECEIVING_BANK = "the receiving bank cannot be reached or paid"
    ACCOUNT = "the beneficiary's account"
    OUR_ACCOUNT = "our account or address is not admitted"
    NAME = "another name"
    TEXT = "memo, name or another field is not as the bank wants it"
    CLOSED = "the bank is closed: cut-off, end of day or maintenance"
    UNVERIFIED = "the bank cannot verify the account now"


REASONS: Final[Mapping[Meaning, Reason]] = {
    Meaning.FUNDS: Reason.INSUFFICIENT_FUNDS,
    Meaning.PERSON: Reason.NOT_ALLOWED,
    Meaning.LIMIT: Reason.LIMIT,
    Meaning.RECEIVING_BANK: Reason.BANK_AWAY,
    Meaning.ACCOUNT: Reason.BENEFICIARY_ACCOUNT,
    Meaning.OUR_ACCOUNT: Reason.NOT_ALLOWED,
    Meaning.NAME: Reason.BENEFICIARY_NAME,
    Meaning.TEXT: Reason.BAD_FORMAT,
}
"""The groups that refuse an order finally."""

TURNED_AWAY: Final = frozenset({Meaning.SESSION, Meaning.CLOSED})
"""The groups that turn a call away before anybody looked at what it asks."""

TABLE: Final[Mapping[Meaning, str]] = {
    Meaning.FUNDS: "400 416 GW16 GW641 GW1005 GW2809 GW16040 OTD111 ERR_88_4003 ERR_88_4004 ERR_88_53011 ERR_88_53030"
    " ERR_88_53031",
    Meaning.UNDECIDED: "002 GW718 GW1011 GW1068 GW2808 GW3501 GW_SML004 ERR_88_53016 ERR_88_53017 ERR_88_53018"
    " ERR_88_53019 ERR_88_53026 ERR_88_53027 ERR_88_53028 ERR_88_53029 ERR_88_53038 ERR_88_53039 ERR_88_53042"
    " ERR_26_510 TimeoutError",
    Meaning.AGAIN: "405 406 408 GW652 GW3500 ERR_17_504 ERR_26_502",
    Meaning.DUPLICATE: "212 401 404 GW1017 GW9135 GW8325 WRN_88_580 WRN_88_581 WRN_88_582 WRN_88_585",
    Meaning.SESSION: "207 GW200 GW1214 ERR_17_503",
    Meaning.PERSON: "GW283 410 GW713 GW714 GW715 GW716",
    Meaning.LIMIT: "411 GW38 GW54 GW52 W61 GW53 GW504 GW4026 INNO_ERR_09 INNO_ERR_11 INNO_ERR_118 INNO_ERR_120",
    Meaning.RECEIVING_BANK: "412 GW254 GW2803 GW_SML003 GW_SML_412 GW2103 GW1300 INNO_ERR_03 INNO_ERR_04 INNO_ERR_05",
    Meaning.ACCOUNT: "200 201 211 GW303 GW1106 GW2804 GW2816 GW350 GW2800 GW2806 INNO_ERR_111 INNO_ERR_112 INNO_ERR_116"
    " INNO_ERR_117 INNO_ERR_119",
    Meaning.OUR_ACCOUNT: "GW302 GW289",
    Meaning.NAME: "215 INNO_ERR_114",
    Meaning.TEXT: "GW71 GW2813 216 217 218 522 INNO_ERR_01 INNO_ERR_02 INNO_ERR_06 INNO_ERR_07 INNO_ERR_08"
    " INNO_ERR_124",
    Meaning.CLOSED: "GW274 GW359 GW2741 GW2743 GW1908 GW0201 GW1428",
    Meaning.UNVERIFIED: "INNO_ERR_115 INNO_ERR_121",
}
"""The message table: the codes of each group."""

MEANINGS: Final[Mapping[str, Meaning]] = {code: meaning for meaning, codes in TABLE.items() for code in codes.split()}
"""The same by code."""


def refusal(code: str) -> Reason | None:
    """Why the bank refuses an order finally with this code; None for a code that does not."""
    meaning = MEANINGS.get(code)
    return REASONS.get(meaning) if meaning is not None else None

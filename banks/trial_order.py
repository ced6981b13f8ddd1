"""One real order on the command line, to see that an account can pay: `transfer-test`.

It is no payout: it stands in no event, its id is of another make than theirs (`ledger/codes.py`), and its debit comes
as a statement line without an owner. What became of it is told by exit status too:

    0   executed
    3   may have been executed: never repeat it
    4   certainly no money moved: declined, or not sent
    1   refused before anything was sent, or a fault of this program: read what it printed, do not just repeat
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import Final, TextIO, assert_never

from banks.bank import Bank, Beneficiary, Capability, TransferOrder
from banks.napas import listed_bank
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Unknown
from ledger.calendar import bank_day
from ledger.codes import ALPHABET
from ledger.errors import InvalidBeneficiary, InvalidField, Problem
from ledger.money import from_bank, positive

PREFIX: Final = "TRIAL"
LETTERS: Final = "".join(letter for letter in ALPHABET if letter not in "SP")
"""Payouts' ids begin with SP, payment codes with SOCAI: with neither letter in it, and I and L outside their alphabet,
no trial id holds one of those, is one, or becomes one by what stands beside it in a memo."""
ID_MAX: Final = 15

EXECUTED, PERHAPS, NOTHING = 0, 3, 4
ASKED_EVERY_S: Final = 5
WAIT_S: Final = 120
WAIT_S_MAX: Final = 24 * 60 * 60


def add_options(parser: argparse.ArgumentParser) -> None:
    """What a trial order is, beside the account it goes out from."""
    parser.add_argument("--to", required=True, metavar="BIN:NUMBER", help="who receives: bank and account number")
    parser.add_argument("--name", required=True, help="the name that account stands in")
    parser.add_argument("--amount", required=True, help="whole dong")
    parser.add_argument("--memo", default="", help="behind the id")
    parser.add_argument("--yes", action="store_true", help="the money is meant to move")
    said = f"how long the bank is asked what became of it ({WAIT_S})"
    parser.add_argument("--wait-s", type=_wait, default=WAIT_S, metavar="SECONDS", help=said)


def fresh_id(bank: Bank, token: Callable[[int], bytes]) -> str:
    """An id for an order at this bank that no payout has or will have; `token` gives random bytes."""
    length = min(ID_MAX, bank.limits.end_to_end_id_max) - len(PREFIX)
    number = int.from_bytes(token(16))
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(LETTERS))
        letters.append(LETTERS[place])
    return PREFIX + "".join(letters)


def order_of(bank: Bank, options: argparse.Namespace, end_to_end_id: str) -> TransferOrder:
    """The order these options ask for, checked. Sends nothing. Raises CapabilityMissing (also where the bank could not
    tell what became of it), InvalidBeneficiary, InvalidAmount, InvalidField.
    """
    bin_, colon, number = options.to.partition(":")
    if not colon:
        raise InvalidBeneficiary("Say who receives as BIN:NUMBER, such as 970416:12345678.", field="to")
    bank.require(Capability.TRANSFER_STATUS)
    amount = positive(from_bank(options.amount))
    order = TransferOrder(
        end_to_end_id=end_to_end_id,
        rail=bank.rail_to(bin_, amount),
        beneficiary=Beneficiary(bin_, number, options.name),
        amount=amount,
        memo=options.memo,
    )
    bank.check_order(order)
    return order


def run(
    options: argparse.Namespace,
    bank: Bank,
    order: TransferOrder,
    inward: TextIO,
    outward: TextIO,
    clock: Callable[[], datetime],
    pause: Callable[[float], None],
) -> int:
    """Sends the order, once, when `--yes` was said and the amount is typed on `inward` behind the word of caution; then
    asks until the bank has decided or the time is up. Gives the exit status. Raises InvalidField when nothing was sent.
    """
    if not options.yes:
        raise InvalidField("Nothing was sent. This moves real money: say --yes if it is meant.", field="yes")
    outward.write(_caution(bank, order))
    outward.flush()
    if inward.readline().strip() != str(order.amount.units):
        raise InvalidField("Nothing was sent: the amount was not typed.", field="amount")
    # What is on the terminal is the only record of this order, so the id stands there before a byte leaves us.
    outward.write(f"Sending {order.end_to_end_id}. From here on it may have been executed, whatever happens here.\n")
    outward.flush()
    sent_at = clock()
    outcome = _follow(bank, order, sent_at, options.wait_s, pause, outward)
    outward.write(meaning(outcome, order.end_to_end_id))
    return exit_status(outcome)


def meaning(outcome: Outcome, end_to_end_id: str) -> str:
    """What an outcome means for people who might think of sending once more."""
    never = f"It may have been executed: DO NOT REPEAT IT. Look for {end_to_end_id} in the account's history.\n"
    match outcome:
        case Executed():
            return "EXECUTED: the bank says that the money went.\n"
        case Declined(reason=reason, bank_code=code):
            return f"DECLINED ({reason}, {code}): the bank says finally that no money moved.\n"
        case NotSent(why=why):
            return f"NOT SENT ({why}): certainly nothing happened.\n"
        case Accepted():
            return f"ACCEPTED: the bank has the order and has not decided. {never}"
        case NotFound():
            return f"NOT FOUND: the bank does not know the order now, which proves nothing so soon. {never}"
        case Unknown(why=why):
            return f"UNKNOWN ({why}). {never}"
        case _:
            assert_never(outcome)


def exit_status(outcome: Outcome) -> int:
    """EXECUTED, PERHAPS or NOTHING."""
    match outcome:
        case Executed():
            return EXECUTED
        case Declined() | NotSent():
            return NOTHING
        case Accepted() | NotFound() | Unknown():
            return PERHAPS
        case _:
            assert_never(outcome)


def _caution(bank: Bank, order: TransferOrder) -> str:
    at = listed_bank(order.beneficiary.bin).short_name
    return (
        f"CAUTION: THIS MOVES REAL MONEY. {order.amount} will leave {bank.account.id} at {bank.name}, by {order.rail},"
        f" for the account and name you gave at {at}. Nobody can call it back.\n"
        f"Type the amount in digits to send it, anything else to stop: "
    )


def _follow(
    bank: Bank, order: TransferOrder, sent_at: datetime, wait_s: int, pause: Callable[[float], None], outward: TextIO
) -> Outcome:
    """What became of the order: as last told when the time is up, or when a person stops the asking."""
    outcome: Outcome = Unknown("stopped while the order was on its way")
    try:
        outcome = bank.transfer(order)
        for _ in range(wait_s // ASKED_EVERY_S):
            if exit_status(outcome) != PERHAPS:
                break
            outward.write(f"  {type(outcome).__name__}; asking again in {ASKED_EVERY_S} s\n")
            outward.flush()
            pause(ASKED_EVERY_S)
            outcome = _asked(bank, order, sent_at)
    except KeyboardInterrupt:
        outward.write("\n")
    return outcome


def _asked(bank: Bank, order: TransferOrder, sent_at: datetime) -> Outcome:
    try:
        outcome = bank.transfer_status(order.end_to_end_id, bank_day(sent_at))
    except Problem as problem:
        return Unknown(problem.detail)
    return Unknown("the enquiry did not reach the bank") if isinstance(outcome, NotSent) else outcome


def _wait(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= WAIT_S_MAX):
        raise argparse.ArgumentTypeError(f"from 0 to {WAIT_S_MAX}")
    return int(text)

"""Dispatch: lost races are decided again, a key has one effect, and nobody is overdrawn by being quick."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier

import pytest

from commands import TRIES_MAX, Command, IdempotencyKey, dispatch
from commands.command import Decided, handler
from commands.payouts import RequestPayout
from ledger import accounts
from ledger.accounts import Account
from ledger.context import Context
from ledger.errors import IdempotencyKeyReused, InsufficientFunds, LostRace, MerchantNotFound, UnknownCommand
from ledger.privacy import Personal
from ledger.store import Ledger
from tests.story import Story, dong


def request(merchant_id: str, units: int) -> RequestPayout:
    return RequestPayout(
        merchant_id=merchant_id,
        amount=dong(units),
        beneficiary_bin="970422",
        beneficiary_account=Personal("0001234567890"),
        beneficiary_name=Personal("TRAN THI BINH"),
        memo="luong",
    )


def key(name: str = "k1", fingerprint: str = "ab", scope: str = "mer_1") -> IdempotencyKey:
    return IdempotencyKey(scope=scope, key=name, fingerprint=fingerprint)


class CreditTwice(Command):
    """Planted: somebody else is always a moment quicker."""

    account: str
    races: int


TRIED: list[str] = []


@handler(CreditTwice)
def credit_twice(ledger: Ledger, context: Context, command: CreditTwice) -> Decided:
    """Loses its first `races` races against a rival of its own making."""
    mine, rival = ledger.get(Account, command.account), ledger.get(Account, command.account)
    TRIED.append(context.command_id)
    if TRIED.count(context.command_id) <= command.races:
        rival.credit(context, amount=dong(1), entry_id="je_rival")
        ledger.keep(rival)
    mine.credit(context, amount=dong(100), entry_id="je_mine")
    return Decided(mine)


def test_a_lost_race_is_decided_again_from_what_is_there_now() -> None:
    story = Story()
    name = accounts.available(story.merchant())
    story.when(CreditTwice(account=name, races=3))
    account = story.ledger.get(Account, name)
    assert (account.posted, account.version) == (dong(103), 5)


def test_a_race_that_is_always_lost_ends_with_a_refusal() -> None:
    story = Story()
    name = accounts.available(story.merchant())
    with pytest.raises(LostRace):
        story.when(CreditTwice(account=name, races=10_000))
    assert story.ledger.get(Account, name).posted == dong(TRIES_MAX)


def test_a_command_that_nothing_handles_is_refused_by_name() -> None:
    class Dance(Command):
        """Planted."""

    with pytest.raises(UnknownCommand, match="Dance"):
        Story().when(Dance())


def at_once(story: Story, commands: list[RequestPayout], keys: list[IdempotencyKey | None]) -> list[Future[object]]:
    """All commands in threads of their own, started together."""
    together = Barrier(len(commands))

    def one(command: RequestPayout, number: int) -> object:
        together.wait(30)
        context = story.context("merchant:m/key:k", f"at_once_{number}")
        return dispatch(story.ledger, command, context, keys[number])

    with ThreadPoolExecutor(len(commands)) as threads:
        return [threads.submit(one, command, number) for number, command in enumerate(commands)]


def test_fifty_payouts_at_once_of_a_little_over_a_tenth_never_overdraw() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000, payout_fee=0)
    futures = at_once(story, [request(merchant_id, 100_001)] * 50, [None] * 50)
    refusals = [error for error in (future.exception() for future in futures) if error is not None]
    assert len(refusals) == 41
    assert all(isinstance(error, InsufficientFunds) for error in refusals)
    account = story.account(merchant_id)
    assert len(account.holds) == 9
    assert account.available == dong(1_000_000 - 9 * 100_001)


def test_a_request_sent_many_times_at_once_under_one_key_has_one_effect() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000, payout_fee=0)
    futures = at_once(story, [request(merchant_id, 100_000)] * 16, [key()] * 16)
    receipts = [future.result() for future in futures]
    assert len({(receipt.subject, receipt.version) for receipt in receipts}) == 1  # type: ignore[attr-defined]
    assert sum(not receipt.replayed for receipt in receipts) == 1  # type: ignore[attr-defined]
    assert story.available(merchant_id) == 900_000


def test_the_same_key_and_content_gives_the_first_receipt_again_for_ever() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000)
    first = story.when(request(merchant_id, 100_000), key=key())
    events = len(story.log())
    story.passes(days=400)
    again = story.when(request(merchant_id, 100_000), key=key())
    assert (again.subject, again.version, again.replayed) == (first.subject, first.version, True)
    assert again.position >= first.position
    assert len(story.log()) == events


def test_the_receipt_of_a_replay_shows_what_came_of_it_then() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000, approvals=0)
    first = story.when(request(merchant_id, 100_000), key=key())
    story.passes(minutes=1)
    assert first.version == 2
    assert story.when(request(merchant_id, 100_000), key=key()).version == 2


def test_the_same_key_with_other_content_is_refused_and_does_nothing() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000)
    story.when(request(merchant_id, 100_000), key=key())
    events = len(story.log())
    with pytest.raises(IdempotencyKeyReused):
        story.when(request(merchant_id, 200_000), key=key(fingerprint="ac"))
    assert len(story.log()) == events


def test_a_key_belongs_to_its_owner() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000)
    receipts = [story.when(request(merchant_id, 1_000), key=key(scope=scope)) for scope in ("mer_1", "mer_2")]
    assert receipts[0].subject != receipts[1].subject


def test_a_refused_request_leaves_its_key_unused() -> None:
    story = Story()
    merchant_id = story.funded(1_000)
    with pytest.raises(InsufficientFunds):
        story.when(request(merchant_id, 100_000), key=key())
    with pytest.raises(MerchantNotFound):
        story.when(request("mer_nobody", 100_000), key=key())
    intent = story.intent(merchant_id, 5)
    assert story.payment(intent.id).status == "awaiting"
    assert story.when(request(story.funded(200_000), 100_000), key=key()).replayed is False


def test_a_receipt_and_its_effect_are_kept_in_one_insertion() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000)
    before = story.ledger.head()
    receipt = story.when(request(merchant_id, 100_000), key=key())
    names = [envelope.name for envelope in story.log()[before:]]
    assert names == ["payout.requested", "account.hold_placed", "command_receipt.given"]
    assert receipt.position == before + 3
    assert {envelope.command_id for envelope in story.log()[before:]} == {story.log()[-1].command_id}

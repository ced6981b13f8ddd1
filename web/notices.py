"""Banks' webhooks: a bank tells of movements and of our orders, and is told "taken" only when that is durable.

First the key, then the words. What is authentic and cannot be understood is kept whole, with an alarm, and read again
when a later release can. The bank is always answered in its own form; what it sends again changes nothing. An
aggregator that tells of an account's movements in the bank's place has an address of its own, and the same rules.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64decode, b64encode
from typing import Final, Protocol, TypeAlias

from flask import Response, request
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException

from banks.accounts import BankAccount
from banks.bank import BankNotice as Said
from commands import Command, dispatch
from commands.notices import LINE, KeepUnreadableNotice, RecordNoticeReplayed, commands_of
from ledger.alarms import drift_of
from ledger.errors import (
    BankNoticeNotFound,
    BodyTooLarge,
    IdempotencyKeyReused,
    LostRace,
    Problem,
    SignatureInvalid,
    Unavailable,
    UnknownBankAccount,
    WebhookUnreadable,
)
from ledger.notices import WEBHOOK, BankNotice
from ledger.privacy import ERASED, Personal
from web.auth import ADMIN
from web.context import context
from web.fields import Word
from web.routes import Answer, Call, route

SIZE_MAX: Final = 1024 * 1024
Recording: TypeAlias = "list[tuple[Command, tuple[str, ...]]]"
"""The commands that record a message, each with its natural key."""

log = logging.getLogger(__name__)


class NoticeNotRecorded(Unavailable):
    """What a bank told is not durable yet: it is asked to tell it again."""

    title = "This bank notice was not recorded; send it again"


class NoticeKept(WebhookUnreadable):
    """Nobody could read what was told, and it is kept until somebody can."""

    title = "This notice could not be read and was kept"


class Teller(Protocol):
    """Who tells of an account: its bank, or an aggregator in the bank's place."""

    @property
    def account(self) -> BankAccount: ...
    def parse_webhook(self, raw_body: bytes, /) -> Said: ...


class NoticeShown(Schema):
    """A bank's message that was kept because nobody could read it."""

    object = Word("bank_notice", required=True)
    id = fields.String(required=True)
    bank_account_id = fields.String(required=True)
    replayed = fields.Boolean(required=True)
    lines = fields.List(fields.String(), required=True, metadata={"description": "The statement lines it told of."})


@route("POST", "/v1/bank-webhooks/<bank_account_id>", refuses=(UnknownBankAccount,))
def take_bank_webhook(call: Call) -> Response:
    """A bank tells of movements. The answer is the bank's own acknowledgement, for a refusal too.

    401: the key is wrong. 400: not understood, kept. 503: not recorded, send it again. 200: recorded.
    """
    bank = call.services.banks.get(call.path["bank_account_id"])
    if bank is None:
        raise UnknownBankAccount("No account of ours has this id.", id=call.path["bank_account_id"][:64])
    said: Said | None = None
    problem: Problem | None = None
    reference = ""
    try:
        raw = _body()
        teller = bank.proven_by(dict(request.headers), raw)
        said, lines = _take_or_ask_again(call, teller, raw, feed="")
        reference = lines[0] if lines else ""
    except Problem as error:
        problem = error
    acknowledged = bank.acknowledge(said, problem, call.services.clock(), reference)
    return Response(acknowledged.body, acknowledged.status, content_type=acknowledged.content_type)


@route("POST", "/v1/bank-webhooks/<bank_account_id>/token", refuses=(UnknownBankAccount,))
def grant_bank_token(call: Call) -> Response:
    """A bank that calls us with a token of ours fetches one. The answer is in the bank's own form, a refusal too.

    401: the user or the password is wrong.
    """
    bank = call.services.banks.get(call.path["bank_account_id"])
    try:
        headers = dict(request.headers)
        granted = bank.first_proven(lambda one: one.grant_token(headers)) if bank is not None else None
    except SignatureInvalid as problem:
        granted = bank.acknowledge(None, problem, call.services.clock()) if bank is not None else None
    if granted is None:
        raise UnknownBankAccount("No account of ours with this id gives tokens.", id=call.path["bank_account_id"][:64])
    return Response(granted.body, granted.status, content_type=granted.content_type)


@route("POST", "/v1/bank-feeds/<bank_account_id>", refuses=(UnknownBankAccount,))
def take_bank_feed(call: Call) -> Response:
    """An aggregator tells of movements on an account of ours. The answer is the aggregator's own acknowledgement.

    401: not proven. 503: not recorded, send it again. 200: recorded, or kept because nobody could read it: what is
    durable here need not be told again.
    """
    feed = call.services.feeds.get(call.path["bank_account_id"])
    if feed is None:
        raise UnknownBankAccount("No account of ours with this id has a feed.", id=call.path["bank_account_id"][:64])
    problem: Problem | None = None
    try:
        raw = _body()
        feed.verify_webhook(dict(request.headers), raw)
        _take_or_ask_again(call, feed, raw, feed=feed.code)
    except NoticeKept:
        problem = None
    except Problem as error:
        problem = error
    acknowledged = feed.acknowledge(problem)
    return Response(acknowledged.body, acknowledged.status, content_type=acknowledged.content_type)


@route(
    "POST",
    "/v1/bank-notices/<notice_id>/replay",
    roles=ADMIN,
    answer=NoticeShown,
    refuses=(BankNoticeNotFound, WebhookUnreadable, IdempotencyKeyReused),
)
def replay_bank_notice(call: Call) -> Answer:
    """Read a kept message again, and record what it says; lines that are known already stay as they are."""
    notice = call.services.ledger.get(BankNotice, call.path["notice_id"], BankNoticeNotFound)
    teller = _teller(call, notice)
    body = call.services.ledger.vault.open(notice.body)
    if body == ERASED:
        raise WebhookUnreadable("The message was erased.")
    if notice.operation != WEBHOOK:
        raise WebhookUnreadable("This is an answer, which is asked for again: python -m workers replay.")
    _, recording = _understood(call, teller, b64decode(body))
    lines = _record(call, teller, recording, feed=notice.feed)
    receipt = call.dispatch(RecordNoticeReplayed(notice_id=notice.id, lines=len(lines)))
    shown = {
        "object": "bank_notice",
        "id": notice.id,
        "bank_account_id": notice.bank_account_id,
        "replayed": True,
        "lines": lines,
    }
    return call.answer(receipt, shown)


def _body() -> bytes:
    request.max_content_length = SIZE_MAX
    try:
        return request.get_data(cache=False)
    except HTTPException as error:
        if error.code == 413:
            raise BodyTooLarge(f"A notice has at most {SIZE_MAX} bytes.") from None
        raise WebhookUnreadable("The body did not come whole.") from None


def _teller(call: Call, notice: BankNotice) -> Teller:
    """Who told what was kept. Raises UnknownBankAccount when the account, or its feed, is ours no more."""
    teller: Teller | None = call.services.banks.get(notice.bank_account_id)
    if notice.feed:
        feed = call.services.feeds.get(notice.bank_account_id)
        teller = feed if feed is not None and feed.code == notice.feed else None
    if teller is None:
        raise UnknownBankAccount("The account of this message is not ours any more, or its feed is another one.")
    return teller


def _take_or_ask_again(call: Call, teller: Teller, raw: bytes, *, feed: str) -> tuple[Said, list[str]]:
    """What an authentic body says, recorded. Raises NoticeKept once it is kept, Unavailable in every other case.

    A bank's fact is never in conflict with anything: whatever hinders us is ours, and the bank has to come again.
    """
    try:
        return _take(call, teller, raw, feed=feed)
    except (Unavailable, NoticeKept):
        raise
    except LostRace as error:
        raise NoticeNotRecorded("Others kept changing the same thing.") from error
    except Exception as error:
        log.error("the bank notice of request %s was not recorded", call.request_id, exc_info=error)
        raise NoticeNotRecorded("Something went wrong on our side.") from error


def _take(call: Call, teller: Teller, raw: bytes, *, feed: str) -> tuple[Said, list[str]]:
    try:
        said, recording = _understood(call, teller, raw)
    except Unavailable:
        raise
    except Problem as error:
        _keep(call, teller.account, raw, error, feed=feed)
        raise NoticeKept(error.detail) from error
    return said, _record(call, teller, recording, feed=feed)


def _understood(call: Call, teller: Teller, raw: bytes) -> tuple[Said, Recording]:
    said = teller.parse_webhook(raw)
    return said, commands_of(call.services.ledger, teller.account.id, teller.account.account_number, said)


def _record(call: Call, teller: Teller, recording: Recording, *, feed: str) -> list[str]:
    """The ids of the statement lines, all of them durable, and so is what was told of orders."""
    actor = f"feed:{feed}" if feed else f"bank:{teller.account.bank}"
    for command, natural_key in recording:
        _dispatch(call, command, actor, natural_key)
    return [key[-1] for _, key in recording if key[0] == LINE]


def _keep(call: Call, account: BankAccount, raw: bytes, why: Problem, *, feed: str) -> None:
    digest, place = hashlib.sha256(raw).hexdigest(), why.facts.get("place")
    command = KeepUnreadableNotice(
        bank_account_id=account.id,
        body_digest=digest,
        body=Personal(b64encode(raw).decode()),
        reason=why.detail,
        feed=feed,
        drift=drift_of(feed or account.bank, WEBHOOK, str(place)) if place else "",
    )
    actor = f"feed:{feed}" if feed else f"bank:{account.bank}"
    _dispatch(call, command, actor, ("bank_notice", account.id, digest))


def _dispatch(call: Call, command: Command, actor: str, natural_key: tuple[str, ...]) -> None:
    circumstances = context(call.services, actor=actor, request_id=call.request_id, natural_key=natural_key)
    dispatch(call.services.ledger, command, circumstances)

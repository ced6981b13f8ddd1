"""Webhooks of a bank: when they go out, and when they go out again. What they say is the bank's own affair.

[assumed]: 10 s time-out; a notice that is not acknowledged is sent again after 1, 5, 15 and 60 minutes of the bank's
clock (or when Profile says) and then given up; only the list of the previous day brings it once more.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

import httpx
import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from banks.simulator.clock import Agenda, bank_day
from banks.simulator.records import Delivery, DeliveryTried, Movement, Notice, NoticeKept, NoticeKind, Order, Spoilt
from banks.simulator.refusals import Impossible
from banks.simulator.state import State

if TYPE_CHECKING:
    from banks.simulator.personality import Letter, Personality

SENDERS: Final = 4
HTML: Final = "<html><body>502 Bad Gateway</body></html>"

logger = logging.getLogger(__name__)


class Posting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How new movements are announced. `order` is for held notices let go by `send`; `url` changes where they go.

    `key` and `body` spoil what is sent: another key (or signature) or none, a body cut off, an HTML page, or one that
    was changed on the way (at banks that sign).
    """

    mode: Literal["send", "hold", "drop", "duplicate"] = "send"
    times: Annotated[int, Meta(ge=1, le=1000)] = 2
    order: Literal["forward", "reverse"] = "forward"
    key: Literal["right", "wrong", "missing"] = "right"
    body: Spoilt = "whole"
    url: str | None = None


class Again(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Announce one movement again, `times` times; `key` and `body` as in Posting."""

    times: Annotated[int, Meta(ge=1, le=1000)] = 1
    key: Literal["right", "wrong", "missing"] = "right"
    body: Spoilt = "whole"


class Postman:
    """Sends notices to the customer's address and keeps what came back. `{account}` in the address stands for what the
    customer calls the account.
    """

    def __init__(
        self, state: State, agenda: Agenda, bank: Personality, url: str | None, feed_url: str | None = None
    ) -> None:
        self._state = state
        self._bank = bank
        self._agenda = agenda
        self.url = url
        self._feed_url = feed_url
        self.posting = Posting()
        self._sending: set[int] = set()
        self._client = httpx.Client(trust_env=False, follow_redirects=False)
        self._pool = ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="bank-postman")
        for notice in state.notices.values():
            self._plan(notice)

    def close(self) -> None:
        """Send nothing more; what is on its way is waited for."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def arrange(self, body: object) -> Posting:
        """Change how movements are announced from now on; `send` lets held notices go. Raises Impossible (400)."""
        try:
            posting = msgspec.convert(body, Posting)
        except msgspec.ValidationError as fault:
            raise Impossible(400, f"webhooks: {fault}") from fault
        with self._state.lock:
            self.posting = posting
            self.url = posting.url or self.url
            held = [notice for notice in self._state.notices.values() if notice.status == "held"]
            if posting.mode == "send" and held:
                self._let_go(held if posting.order == "forward" else held[::-1])
        return posting

    def _let_go(self, held: Sequence[Notice]) -> None:
        for notice in held:
            self._state.keep(NoticeKept(replace(notice, status="waiting", next_at=self._state.clock.now())))
        self._submit([notice.number for notice in held])

    def announce(self, movements: Sequence[Movement]) -> None:
        """Tell the customer of `movements` on enrolled accounts, as the posting now says."""
        with self._state.lock:
            for movement in movements:
                account = self._state.books.account(movement.account)
                if account is None or not account.client:
                    continue
                for kind in self._bank.notices_of(movement) if self.url is not None else ():
                    self._announce((movement.reference,), kind)
                if self._feed_url is not None and self._state.bank_side.feed_key is not None:
                    self._announce((movement.reference,), "feed")

    def tell(self, order: Order) -> None:
        """Tell the customer what became of `order`, as the posting now says, if this bank does."""
        with self._state.lock:
            if self.url is not None and self._bank.tells_of(order):
                self._announce((), "order", order.trace)

    def _announce(self, references: tuple[str, ...], kind: NoticeKind, order: str | None = None) -> None:
        posting, trace = self.posting, str(uuid.uuid4())
        status: Literal["waiting", "held", "dropped"] = "waiting"
        if posting.mode in ("hold", "drop"):
            status = "held" if posting.mode == "hold" else "dropped"
        for _ in range(posting.times if posting.mode == "duplicate" else 1):
            due = self._state.clock.later(self._state.settings.webhook_s) if status == "waiting" else None
            self._add(references, kind, order=order, status=status, request_trace=trace, next_at=due, posting=posting)

    def notify(self, reference: str, body: object) -> list[Notice]:
        """Announce a movement again, `times` times at once, right or spoilt. Raises Impossible (400, 404, 409)."""
        try:
            again = msgspec.convert(body, Again)
        except msgspec.ValidationError as fault:
            raise Impossible(400, f"notify: {fault}") from fault
        with self._state.lock:
            if (movement := self._state.books.movement(reference)) is None:
                raise Impossible(404, f"no movement {reference}")
            if self.url is None:
                raise Impossible(409, "no webhook address is set")
            trace, now = str(uuid.uuid4()), self._state.clock.now()
            return [
                self._add((reference,), kind, status="waiting", request_trace=trace, next_at=now, posting=again)
                for _ in range(again.times)
                for kind in self._bank.notices_of(movement)
            ]

    def tell_again(self, trace: str, body: object) -> list[Notice]:
        """Tell of an order again, whatever became of it, right or spoilt. Raises Impossible (400, 404, 409)."""
        try:
            again = msgspec.convert(body, Again)
        except msgspec.ValidationError as fault:
            raise Impossible(400, f"notify: {fault}") from fault
        with self._state.lock:
            if trace not in self._state.orders:
                raise Impossible(404, f"no order {trace} is stored")
            if self.url is None or not self._bank.profile.tells_of_orders:
                raise Impossible(409, "no webhook address is set, or this bank tells nobody of orders")
            id_, now = str(uuid.uuid4()), self._state.clock.now()
            return [
                self._add((), "order", order=trace, status="waiting", request_trace=id_, next_at=now, posting=again)
                for _ in range(again.times)
            ]

    def send_list(self, day: date | None, page_size: int) -> list[Notice]:
        """Send the list of `day` (the previous day when None) in pages. Raises Impossible (409)."""
        with self._state.lock:
            if self.url is None or not self._bank.profile.sends_lists:
                raise Impossible(409, "no webhook address is set, or this bank sends no lists")
            day = day or bank_day(self._state.clock.now()) - timedelta(days=1)
            rows = [row.reference for row in self._state.books.movements(None, day, day) if self._is_clients(row)]
            pages = [tuple(rows[at : at + page_size]) for at in range(0, len(rows), page_size)]
            return [
                self._add(
                    page,
                    "list",
                    status="waiting",
                    request_trace=str(uuid.uuid4()),
                    next_at=self._state.clock.now(),
                    posting=Posting(),
                    paging=(number, page_size, len(pages)),
                )
                for number, page in enumerate(pages, start=1)
            ]

    def _is_clients(self, row: Movement) -> bool:
        account = self._state.books.account(row.account)
        return account is not None and account.client

    def _add(
        self,
        references: tuple[str, ...],
        kind: NoticeKind,
        *,
        order: str | None = None,
        status: Literal["waiting", "held", "dropped"],
        request_trace: str,
        next_at: datetime | None,
        posting: Posting | Again,
        paging: tuple[int, int, int] | None = None,
    ) -> Notice:
        page, page_size, pages = paging or (1, 1, 1)
        notice = Notice(
            number=len(self._state.notices) + 1,
            request_trace=request_trace,
            kind=kind,
            references=references,
            order=order,
            page=page,
            page_size=page_size,
            pages=pages,
            status=status,
            next_at=next_at,
            key=posting.key,
            body=posting.body,
        )
        self._keep(notice)
        return notice

    def _keep(self, notice: Notice) -> None:
        self._state.keep(NoticeKept(notice))
        self._plan(notice)

    def _plan(self, notice: Notice) -> None:
        if notice.status == "waiting" and notice.next_at is not None:
            self._agenda.put(notice.next_at, self.proceed, str(notice.number))

    def proceed(self, number: str) -> None:
        """Send the notice, if it is due."""
        with self._state.lock:
            notice = self._state.notices[int(number)]
            if notice.next_at is not None and notice.next_at <= self._state.clock.now():
                self._submit([notice.number])

    def _submit(self, numbers: Sequence[int]) -> None:
        if not self._state.clock.closed:
            self._pool.submit(self._send_all, numbers).add_done_callback(_report)

    def _send_all(self, numbers: Sequence[int]) -> None:
        """Send these notices one after another, in this order."""
        for number in numbers:
            with self._state.lock:
                notice = self._state.notices[number]
                if notice.status != "waiting" or number in self._sending or self._state.clock.closed:
                    continue
                self._sending.add(number)
            try:
                self._send(notice)
            finally:
                self._sending.discard(number)

    def _send(self, notice: Notice) -> None:
        state, at = self._state, self._state.clock.now()
        letter = _spoilt(self._bank.written(notice, at), notice)
        url = self._address(notice)
        http, answer, problem = self._post(notice, url, letter)
        delivery = Delivery(
            notice=notice.number,
            attempt=notice.attempts + 1,
            at=at,
            url=url,
            request=letter.body,
            http=http,
            answer=answer,
            acknowledged=problem is None,
            problem=problem,
        )
        with state.lock:
            state.keep(DeliveryTried(delivery))
            self._keep(self._after(notice, delivery))

    def _address(self, notice: Notice) -> str:
        if notice.order is not None:
            number = self._state.orders[notice.order].source
        else:
            movement = self._state.books.movement(notice.references[0])
            number = movement.account if movement is not None else ""
        ids = {account.number: account.id for account in self._state.bank_side.accounts}
        return ((self._feed_url if notice.kind == "feed" else self.url) or "").replace("{account}", ids.get(number, ""))

    def _after(self, notice: Notice, delivery: Delivery) -> Notice:
        """The notice after an attempt: done, due again, or given up."""
        attempts = delivery.attempt
        if delivery.acknowledged:
            return replace(notice, attempts=attempts, status="acknowledged", next_at=None)
        profile = self._bank.profile
        ladder = profile.order_ladder_s if notice.kind == "order" else profile.ladder_s
        if attempts > len(ladder):
            return replace(notice, attempts=attempts, status="given_up", next_at=None)
        return replace(notice, attempts=attempts, next_at=self._state.clock.later(ladder[attempts - 1]))

    def _post(self, notice: Notice, url: str, letter: Letter) -> tuple[int | None, str, str | None]:
        """HTTP status, answer text, and what is wrong with the answer or prevented one."""
        timeout_s = self._state.settings.webhook_timeout_s
        try:
            reply = self._bank.sent(notice, self._client, url, letter, timeout_s)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            return None, "", f"no answer: {type(fault).__name__}"
        return reply.http, reply.body, self._bank.answered(notice, letter, reply)


def _spoilt(letter: Letter, notice: Notice) -> Letter:
    """`letter` as the notice wants it, cut off in the middle or an HTML page; a tampered one is the bank's own work."""
    if notice.body == "truncated":
        return letter._replace(body=letter.body[: len(letter.body) // 2])
    return letter._replace(body=HTML) if notice.body == "html" else letter


def _report(done: Future[None]) -> None:
    """A bug while sending must not vanish in the pool."""
    if not done.cancelled() and (fault := done.exception()) is not None:
        logger.error("sending a notice failed", exc_info=fault)

"""Webhooks of the bank (2.1.9 of the bank wire specification): when they go out, and when they go out again.

[assumed]: 10 s time-out; a notice that is not acknowledged is sent again after 1, 5, 15 and 60 minutes of the bank's
clock and then given up; only the list of the previous day brings it once more.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal

import httpx
import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from banks.simulator import notices
from banks.simulator.clock import Agenda, bank_day
from banks.simulator.records import Delivery, DeliveryTried, Movement, Notice, NoticeKept
from banks.simulator.refusals import Impossible
from banks.simulator.state import State

LADDER_S: Final = (60, 300, 900, 3600)
SENDERS: Final = 4
ANSWER_MAX: Final = 100_000

logger = logging.getLogger(__name__)


class Posting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How new movements are announced. `order` is for held notices let go by `send`; `url` changes where they go.

    `key` and `body` spoil what is sent: another key or none, a body cut off or an HTML page.
    """

    mode: Literal["send", "hold", "drop", "duplicate"] = "send"
    times: Annotated[int, Meta(ge=1, le=1000)] = 2
    order: Literal["forward", "reverse"] = "forward"
    key: Literal["right", "wrong", "missing"] = "right"
    body: Literal["whole", "truncated", "html"] = "whole"
    url: str | None = None


class Again(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Announce one movement again, `times` times; `key` and `body` as in Posting."""

    times: Annotated[int, Meta(ge=1, le=1000)] = 1
    key: Literal["right", "wrong", "missing"] = "right"
    body: Literal["whole", "truncated", "html"] = "whole"


class Postman:
    """Sends notices to the customer's address and keeps what came back."""

    def __init__(self, state: State, agenda: Agenda, url: str | None) -> None:
        self._state = state
        self._agenda = agenda
        self.url = url
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
        """Tell the customer of `movements` on enrolled accounts, one notice each, as the posting now says."""
        with self._state.lock:
            for movement in movements:
                account = self._state.books.account(movement.account)
                if account is not None and account.client and self.url is not None:
                    self._announce(movement)

    def _announce(self, movement: Movement) -> None:
        posting, trace = self.posting, str(uuid.uuid4())
        status: Literal["waiting", "held", "dropped"] = "waiting"
        if posting.mode in ("hold", "drop"):
            status = "held" if posting.mode == "hold" else "dropped"
        for _ in range(posting.times if posting.mode == "duplicate" else 1):
            due = self._state.clock.later(self._state.settings.webhook_s) if status == "waiting" else None
            self._add((movement.reference,), status=status, request_trace=trace, next_at=due, posting=posting)

    def notify(self, reference: str, body: object) -> list[Notice]:
        """Announce a movement again, `times` times at once, right or spoilt. Raises Impossible (400, 404, 409)."""
        try:
            again = msgspec.convert(body, Again)
        except msgspec.ValidationError as fault:
            raise Impossible(400, f"notify: {fault}") from fault
        with self._state.lock:
            if self._state.books.movement(reference) is None:
                raise Impossible(404, f"no movement {reference}")
            if self.url is None:
                raise Impossible(409, "no webhook address is set")
            trace, now = str(uuid.uuid4()), self._state.clock.now()
            return [
                self._add((reference,), status="waiting", request_trace=trace, next_at=now, posting=again)
                for _ in range(again.times)
            ]

    def send_list(self, day: date | None, page_size: int) -> list[Notice]:
        """Send TRANSACTION_HISTORY of `day` (the previous day when None) in pages. Raises Impossible (409)."""
        with self._state.lock:
            if self.url is None:
                raise Impossible(409, "no webhook address is set")
            day = day or bank_day(self._state.clock.now()) - timedelta(days=1)
            rows = [row.reference for row in self._state.books.movements(None, day, day) if self._is_clients(row)]
            pages = [tuple(rows[at : at + page_size]) for at in range(0, len(rows), page_size)]
            return [
                self._add(
                    page,
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
        *,
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
            code="TRANSACTION_UPDATE" if paging is None else "TRANSACTION_HISTORY",
            references=references,
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
        state = self._state
        settings, url, at = state.settings, self.url or "", state.clock.now()
        movements = [row for row in map(state.books.movement, notice.references) if row is not None]
        text = notices.compose(notice, movements, state.bank_side.client_id, at, settings.webhook_shape)
        headers = notices.headers(notice, state.bank_side.webhook_key, settings.webhook_header)
        http, answer, problem = self._post(url, text, headers, settings.webhook_timeout_s)
        if problem is None:
            echo = notice.request_trace if settings.webhook_shape == "current" else None
            problem = notices.acknowledgement_fault(http or 0, answer, echo)
        delivery = Delivery(
            notice=notice.number,
            attempt=notice.attempts + 1,
            at=at,
            url=url,
            request=text,
            http=http,
            answer=answer,
            acknowledged=problem is None,
            problem=problem,
        )
        with state.lock:
            state.keep(DeliveryTried(delivery))
            self._keep(self._after(notice, delivery))

    def _after(self, notice: Notice, delivery: Delivery) -> Notice:
        """The notice after an attempt: done, due again, or given up."""
        attempts = delivery.attempt
        if delivery.acknowledged:
            return replace(notice, attempts=attempts, status="acknowledged", next_at=None)
        if attempts > len(LADDER_S):
            return replace(notice, attempts=attempts, status="given_up", next_at=None)
        return replace(notice, attempts=attempts, next_at=self._state.clock.later(LADDER_S[attempts - 1]))

    def _post(
        self, url: str, text: str, headers: dict[str, str], timeout_s: float
    ) -> tuple[int | None, str, str | None]:
        """HTTP status, answer text, and what prevented an answer if something did."""
        try:
            answer = self._client.post(url, content=text.encode("utf-8"), headers=headers, timeout=timeout_s)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            return None, "", f"no answer: {type(fault).__name__}"
        return answer.status_code, answer.content[:ANSWER_MAX].decode("utf-8", "replace"), None


def _report(done: Future[None]) -> None:
    """A bug while sending must not vanish in the pool."""
    if not done.cancelled() and (fault := done.exception()) is not None:
        logger.error("sending a notice failed", exc_info=fault)

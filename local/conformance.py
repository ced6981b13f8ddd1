"""`python -m banks conformance BANK [--json]`: our adapter and the lab's bank, call by call, as a sheet to be read.

Each line says what was called, where the bank's own specification stands in the bank wire specification, what must come
and what came. What a bank does not offer is left out. An order's line holds only if the bank's books agree: one debit
where it is said to be executed, none where it is not. Exit status: 0 when every line passed, 1 when one failed.

Real accounts are tried with `python -m banks check ACCOUNT`, which makes no call that changes anything.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import httpx

from banks.bank import Bank, Beneficiary, Capability, OrderNews, StatementRow, TransferOrder
from banks.history_table import read_history
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Unknown
from banks.pace import pace_of
from banks.registry import load_accounts, open_banks
from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from banks.transport import Limits, Transport
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable, Problem
from ledger.money import Money
from local.environment import BANKS
from local.processes import free_port

OPENING: Final = 10_000_000
SLOW_S: Final = 1.5
"""How long our adapter waits for an answer here; a slow bank takes longer."""
LAB_CALLS: Final = 60_000
"""Calls a minute, in the place of the bank's own pace: the sheet is about answers."""
WITHIN_S: Final = 8.0
"""Within what a decision, or a webhook, must have come."""
QUICK: Final = {"answer_s": 0, "validate_s": 0.02, "transfer_s": 0.02, "webhook_s": 0.01}
TO: Final = Beneficiary("970436", "0001234567890", "TRAN THI BINH")

CHAPTERS: Final[Mapping[str, Mapping[str, str]]] = {
    "acb": {
        "token": "2.1.1",
        "balance": "2.1.2",
        "history": "2.1.3",
        "order": "2.1.5",
        "status": "2.1.6",
        "webhook": "2.1.9",
    },
    "mbdn": {
        "token": "3.1.1",
        "balance": "3.1.8",
        "lookup": "3.1.2",
        "history": "3.1.8",
        "order": "3.3.5",
        "status": "3.3.5",
        "webhook": "3.1.6",
    },
    "mb": {
        "token": "3.1.1",
        "lookup": "3.1.2",
        "order": "3.1.3",
        "status": "3.1.4",
        "result": "3.1.5",
        "webhook": "3.1.6",
        "balance": "3.1.8",
        "history": "3.1.8",
    },
    "techcombank": {
        "token": "5.1",
        "order": "5.1.3",
        "status": "5.1.4",
        "balance": "5.1.5",
        "lookup": "5.1.5",
        "result": "5.1.6",
    },
    "vietinbank": {
        "token": "4.1",
        "lookup": "4.1.1",
        "order": "4.1.2",
        "status": "4.1.3",
        "balance": "4.1.4",
        "history": "4.1.4",
        "webhook": "4.1.6",
    },
}
"""Where the bank wire specification has each call of a bank."""


class Line(NamedTuple):
    """One line of the sheet."""

    called: str
    chapter: str
    expected: str
    seen: str
    passed: bool


class Order(NamedTuple):
    """One order that goes out while `fault` waits at the bank: what the answer and then an enquiry may say."""

    called: str
    fault: Mapping[str, object] | None
    answer: tuple[type[Outcome], ...]
    enquiry: tuple[type[Outcome], ...]


TAKEN: Final = (Accepted, Executed)
ORDERS: Final = (
    Order("an order", None, TAKEN, (Executed,)),
    Order("refused at once", {"fault": "decline"}, (Declined,), (NotFound, Declined)),
    Order("refused later", {"fault": "decline", "how": "later"}, (Accepted, Declined), (Declined,)),
    Order("answer lost", {"fault": "lose_answer"}, (Unknown,), (Executed,)),
    Order("order lost", {"fault": "lose_order"}, (Unknown,), (NotFound,)),
    Order("answer late", {"fault": "slow", "seconds": SLOW_S + 0.5}, (Unknown,), (Executed,)),
    Order("not decided", {"fault": "stuck"}, (Accepted, Unknown), (Accepted, Unknown)),
    Order(
        "not to be found for a while",
        {"fault": "not_found_for", "seconds": 600},
        (*TAKEN, Unknown),
        (NotFound, Unknown),
    ),
    Order(
        "in a state nobody listed",
        {"fault": "unknown_status", "status": "QUARANTINED", "seconds": 600},
        (*TAKEN, Unknown),
        (Accepted, Unknown),
    ),
    Order("HTTP 503 instead of an answer", {"fault": "http_error", "http": 503}, (Unknown, NotSent), (NotFound,)),
    Order("HTTP 500 after it was executed", {"fault": "http_500_after_execute"}, (Unknown,), (Executed,)),
    Order("a page of HTML for an answer", {"fault": "malformed"}, (Unknown,), (Executed,)),
    Order("answered as a duplicate", {"fault": "answer_duplicate"}, (Unknown,), (Executed,)),
    Order("an answer about another order", {"fault": "other_order"}, (Unknown,), (Executed,)),
    Order("called wrongly signed", {"fault": "bad_signature"}, (Declined, Unknown, NotSent), (NotFound, Declined)),
    Order("an answer in drops", {"fault": "drip"}, (*TAKEN, Unknown), (Executed,)),
    Order("half an answer", {"fault": "half"}, (Unknown,), (Executed,)),
    Order("an answer of another type", {"fault": "wrong_type"}, (*TAKEN, Unknown), (Executed,)),
)


class Door:
    """What the web does with a bank's calls, as short as it can be: grant a token, or read and acknowledge."""

    def __init__(self, bank: Bank) -> None:
        self.rows: list[StatementRow] = []
        self.orders: list[OrderNews] = []
        self.kinds: list[str] = []
        """What kind each notice was that we took."""
        self.calls = 0
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers, raw = dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"] or 0))
                said = door.answer(bank, self.path, headers, raw)
                self.send_response(said.status)
                self.send_header("Content-Type", said.content_type)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks"

    def answer(self, bank: Bank, path: str, headers: Mapping[str, str], raw: bytes) -> Any:
        """What the bank is answered; what was understood is kept."""
        at = datetime.now(UTC)
        try:
            if path.endswith("/token") and (granted := bank.grant_token(headers)) is not None:
                return granted
            notice = bank.read_webhook(headers, raw)
            self.kinds.append(notice.kind)
            self.rows += notice.lines
            self.orders += notice.orders
            said = bank.acknowledge(notice, None, at, "sl_1")
        except Problem as problem:
            said = bank.acknowledge(None, problem, at)
        self.calls += 1
        return said

    def close(self) -> None:
        """Take no more calls."""
        self._server.shutdown()
        self._server.server_close()


class Examination:
    """One bank, quick from now on, and our adapter for it; `run` gives the sheet, every other call adds its `lines`.

    Raises httpx.HTTPError when the lab is away.
    """

    def __init__(self, bank: Bank, control: httpx.Client) -> None:
        self.bank = bank
        self._control = control
        self._ids = (f"CONFORM{number:05d}" for number in count(1))
        self._chapters = CHAPTERS.get(bank.code, {})
        self.lines: list[Line] = []
        self._do("/settings", **QUICK, approval="auto")
        self._do("/webhooks", mode="drop")
        self._do("/accounts", number=TO.account_number, name=TO.name, bin=TO.bin)

    def run(self) -> list[Line]:
        """Makes every call that the bank offers."""
        can = self.bank.capabilities
        if Capability.BALANCE in can:
            self.balance()
        if Capability.LOOKUP_NAME in can:
            self.lookup()
        if Capability.TRANSFER_NAPAS in can and Capability.TRANSFER_STATUS in can:
            for order in ORDERS:
                self.order(order)
            self.more_than_there_is()
            self.sent_again()
            self.results()
        if Capability.HISTORY in can:
            self.history()
        if Capability.WEBHOOK in can and Capability.HISTORY in can:
            self.webhooks()
        return self.lines

    def _do(self, path: str, **body: object) -> Any:
        return self._control.post(path, json=body).raise_for_status().json()

    def _see(self, path: str) -> Any:
        return self._control.get(path).raise_for_status().json()

    def _line(self, call: str, called: str, expected: str, ask: Callable[[], tuple[str, bool]]) -> None:
        """One line; a Problem that `ask` does not expect is a failure."""
        try:
            seen, passed = ask()
        except Problem as problem:
            seen, passed = type(problem).__name__, False
        self.lines.append(Line(called, self._chapters.get(call, ""), expected, seen, passed))

    def _refuses(self, ask: Callable[[], object]) -> tuple[str, bool]:
        try:
            ask()
        except BankUnavailable:
            return "BankUnavailable", True
        return "an answer", False

    def balance(self) -> None:
        """What the account holds, also when the bank answers badly."""

        def told() -> tuple[str, bool]:
            books = self._see("/state")["accounts"][0]["balance"]
            found = self.bank.balance().current
            return f"{found}", found == Money(books)

        def anew() -> tuple[str, bool]:
            self._do("/tokens/expire")
            return told()

        def spoilt(**fault: object) -> tuple[str, bool]:
            self._do("/next-answer", to=target, **fault)
            seen = self._refuses(self.bank.balance)
            # What was left of the fault must not meet the next call.
            while self._see("/state")["faults_waiting"]:
                self._refuses(self.bank.balance)
            return seen

        forms = self._see("/forms")["$defs"]["AnswerFault"]["properties"]["to"]["enum"]
        target = "balance" if "balance" in forms else "account"
        self._line(
            "token",
            "access token",
            "given, or none needed",
            lambda: ("given" if self.bank.sign_in() else "none needed", True),
        )
        self._line("balance", "balance", "what the books say", told)
        self._line("token", "balance after the token expired", "what the books say", anew)
        self._line("balance", "balance, HTTP 503", "BankUnavailable", lambda: spoilt(http=503, count=3))
        self._line("balance", "balance, half an answer", "BankUnavailable", lambda: spoilt(shape="half", count=3))

    def lookup(self) -> None:
        """The name of an account, and of none."""

        def known() -> tuple[str, bool]:
            found = self.bank.lookup_name(TO.bin, TO.account_number)
            return ("the name", True) if found is not None and found.name == TO.name else ("no name", False)

        def unknown() -> tuple[str, bool]:
            try:
                found = self.bank.lookup_name(TO.bin, "9999999999")
            except BankUnavailable:
                return "BankUnavailable", True
            return ("none", True) if found is None else ("a name", False)

        self._line("lookup", "name of an account", "the name", known)
        self._line("lookup", "name of no account", "none, or BankUnavailable", unknown)

    def _transfer(self, id_: str, amount: int = 20_000) -> Outcome:
        return self.bank.transfer(
            TransferOrder(end_to_end_id=id_, rail="napas", beneficiary=TO, amount=Money(amount), memo="Conformance")
        )

    def order(self, order: Order) -> None:
        """One order and an enquiry about it."""
        id_ = next(self._ids)
        if order.fault is not None:
            self._do("/next-order", **order.fault)
        self._line(
            "order", f"order: {order.called}", _names(order.answer), lambda: _fits(self._transfer(id_), order.answer)
        )
        self._line("status", "  enquiry", _names(order.enquiry), lambda: self._decided(id_, order.enquiry))

    def _decided(self, id_: str, wanted: tuple[type[Outcome], ...]) -> tuple[str, bool]:
        """Asks until the bank has decided, and looks whether its books agree."""
        deadline, pause = time.monotonic() + WITHIN_S, threading.Event()
        while True:
            outcome = self.bank.transfer_status(id_, bank_day(datetime.now(UTC)))
            if isinstance(outcome, (*wanted, Executed, Declined)) or time.monotonic() > deadline:
                break
            pause.wait(0.05)
        debits = self._debits(id_)
        seen, passed = _fits(outcome, wanted)
        return f"{seen}, debits: {debits}", passed and agreed(outcome, debits, wanted)

    def _debits(self, id_: str) -> int:
        return sum(row["order"] == id_ and row["direction"] == "debit" for row in self._see("/movements"))

    def more_than_there_is(self) -> None:
        """An order above the balance."""
        id_ = next(self._ids)
        wanted = (Declined,)
        self._line(
            "order", "order: more than there is", "Declined", lambda: _fits(self._transfer(id_, OPENING * 10), wanted)
        )

    def sent_again(self) -> None:
        """Two orders under one id: one of them counts."""
        id_ = next(self._ids)

        def again() -> tuple[str, bool]:
            self._transfer(id_)
            return _fits(self._transfer(id_), (Unknown, *TAKEN))

        self._line("order", "order: sent again under its id", _names((Unknown, *TAKEN)), again)
        self._line("status", "  enquiry", "Executed", lambda: self._decided(id_, (Executed,)))

    def results(self) -> None:
        """Results that the bank tells unasked, where it does."""
        if "result" not in self._chapters:
            return
        with self._door() as door:
            id_ = next(self._ids)

            def told() -> tuple[str, bool]:
                self._transfer(id_)
                _eventually(lambda: bool(door.orders))
                news = [(one.end_to_end_id, one.told) for one in door.orders]
                right = all(one[0] == id_ and one[1] in ("accepted", "executed") for one in news)
                return f"{news[0][1] if news else 'nothing'}", bool(news) and right

            self._line("result", "result of an order, told by the bank", "accepted or executed", told)
            self._line("result", "  our acknowledgement", "taken by the bank", self._acknowledged)

            def forged() -> tuple[str, bool]:
                return self._spoilt(door, f"/orders/{id_}/notify", key="wrong")

            self._line("result", "result of an order, forged", "refused, and nothing taken from it", forged)

    def history(self) -> None:
        """More rows than a page holds, and a row that comes between two pages."""
        account = self.bank.account.account_number
        today = bank_day(datetime.now(UTC))
        for number in range(101):
            self._do("/pay", account=account, amount=1_000 + number, memo=f"ROW {number}")

        def whole() -> tuple[str, bool]:
            found = read_history(self.bank, today, today)
            keys = {row.key for row in found.rows}
            booked = len(self._see(f"/movements?account={account}"))
            right = len(keys) == len(found.rows) == booked and found.whole and not found.doubtful
            return f"{len(found.rows)} rows of {booked}, {len(found.doubtful)} not understood", right

        def growing() -> tuple[str, bool]:
            before = {row.key for row in read_history(self.bank, today, today).rows}
            page = self.bank.history(today, today)
            self._do("/pay", account=account, amount=999, memo="WHILE PAGING")
            seen = {row.key for row in page.lines}
            while page.next_cursor is not None:
                page = self.bank.history(today, today, page.next_cursor)
                seen |= {row.key for row in page.lines}
            return f"{len(before - seen)} rows lost", before <= seen

        self._line("history", "history of a day, page by page", "every row once", whole)
        self._line("history", "history, a row arriving meanwhile", "0 rows lost", growing)

    @contextmanager
    def _door(self) -> Iterator[Door]:
        door = Door(self.bank)
        self._do("/webhooks", mode="send", url=door.url)
        try:
            yield door
        finally:
            self._do("/webhooks", mode="drop")
            door.close()

    def webhooks(self) -> None:
        """A credit as it is pushed: right, again, forged and broken."""
        account = self.bank.account.account_number
        today = bank_day(datetime.now(UTC))
        with self._door() as door:
            paid = self._do("/pay", account=account, amount=150_000, memo="SOCAI7K3M9Q2X")
            again = f"/movements/{paid['reference']}/notify"

            def pushed() -> tuple[str, bool]:
                _eventually(lambda: bool(door.kinds))
                listed = {row.movement_key for row in read_history(self.bank, today, today).rows}
                if door.kinds and set(door.kinds) == {"hint"}:
                    return "a hint that something moved", not door.rows
                told = {row.movement_key for row in door.rows}
                return f"movements: {len(told)}, in the history: {len(told & listed)}", len(
                    told
                ) == 1 and told <= listed

            def repeated() -> tuple[str, bool]:
                keys, calls = {row.key for row in door.rows}, door.calls
                self._do(again, times=2)
                _eventually(lambda: door.calls >= calls + 2)
                more = {row.key for row in door.rows} - keys
                return f"{len(more)} new movements", not more

            self._line("webhook", "webhook of a credit", "the movement as in the history, or a hint", pushed)
            self._line("webhook", "  our acknowledgement", "taken by the bank", self._acknowledged)
            self._line("webhook", "the same webhook twice more", "0 new movements", repeated)
            self._line("webhook", "  our acknowledgement", "taken by the bank", self._acknowledged)
            for called, fault in SPOILT_WEBHOOKS:

                def spoilt(fault: Mapping[str, str] = fault) -> tuple[str, bool]:
                    return self._spoilt(door, again, **fault)

                self._line("webhook", f"webhook {called}", "refused, and nothing taken from it", spoilt)

    def _spoilt(self, door: Door, path: str, **fault: str) -> tuple[str, bool]:
        """Lets the bank send a spoilt webhook; whether we refused it, and the bank saw that."""
        before = len(door.kinds)
        numbers = [notice["number"] for notice in self._do(path, times=1, **fault)]

        def tried() -> list[dict[str, Any]]:
            return [delivery for delivery in self._see("/deliveries") if delivery["notice"] in numbers]

        _eventually(lambda: len(tried()) >= len(numbers))
        taken = len(door.kinds) != before
        acknowledged = any(delivery["acknowledged"] for delivery in tried())
        seen = f"{'acknowledged' if acknowledged else 'refused'}, {'something' if taken else 'nothing'} taken"
        return seen, bool(tried()) and not taken and not acknowledged

    def _acknowledged(self) -> tuple[str, bool]:
        """Whether the bank took our acknowledgement of everything that it sent right."""

        def waiting() -> int:
            right = (one for one in self._see("/notices") if (one["key"], one["body"]) == ("right", "whole"))
            return sum(one["status"] not in ("acknowledged", "dropped") for one in right)

        _eventually(lambda: not waiting())
        return ("taken", True) if not waiting() else (f"{waiting()} not taken", False)


SPOILT_WEBHOOKS: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    ("forged", {"key": "wrong"}),
    ("without a proof", {"key": "missing"}),
    ("cut off in the middle", {"body": "truncated"}),
    ("of HTML", {"body": "html"}),
)


def _fits(outcome: Outcome, wanted: tuple[type[Outcome], ...]) -> tuple[str, bool]:
    return type(outcome).__name__, isinstance(outcome, wanted)


def agreed(outcome: Outcome, debits: int, wanted: tuple[type[Outcome], ...]) -> bool:
    """Whether the books show what is said; an order not found may be in them where Unknown would do as well."""
    if isinstance(outcome, Executed):
        return debits == 1
    final = isinstance(outcome, Declined) or (isinstance(outcome, NotFound) and Unknown not in wanted)
    return debits <= (0 if final else 1)


def _names(kinds: tuple[type[Outcome], ...]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def _eventually(holds: Callable[[], bool]) -> None:
    """Waits until it holds, or for WITHIN_S; the caller looks again."""
    deadline, pause = time.monotonic() + WITHIN_S, threading.Event()
    while not holds() and time.monotonic() < deadline:
        pause.wait(0.02)


@contextmanager
def opened(code: str, directory: Path) -> Iterator[tuple[Bank, httpx.Client]]:
    """The lab's bank `code`, enrolled below `directory`, with our adapter for it and a client of its control port.
    Raises Unusable.
    """
    port, kind = free_port(), personality(code)
    mine = Enrolment(
        base_url=f"{BANKS[code]}://127.0.0.1:{port}",
        accounts=((f"ba_{code}_main", kind.profile.account),),
        balance=OPENING,
    )
    enrol(directory, kind, mine)
    accounts = load_accounts(directory / "accounts.json")
    transport = Transport(time.monotonic, limits=Limits(read_s=SLOW_S, pause_s=0.1), pace=pace_of(LAB_CALLS))
    (bank,) = open_banks(accounts, transport, lambda: datetime.now(UTC), lambda: str(uuid.uuid4())).values()
    with (
        Simulator(directory, code, port=port) as simulator,
        httpx.Client(base_url=simulator.control_url, trust_env=False, timeout=30) as control,
    ):
        yield bank, control
    transport.close()


def written(lines: list[Line]) -> str:
    """The sheet as a table."""
    rows = [("", "called", "chapter", "expected", "seen")]
    rows += [(str(at), one.called, one.chapter, one.expected, one.seen) for at, one in enumerate(lines, start=1)]
    verdicts = ["", *("pass" if one.passed else "FAIL" for one in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    text = ""
    for row, verdict in zip(rows, verdicts, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        text += f"{verdict:<4}  {'  '.join(cells)}".rstrip() + "\n"
    failed = sum(not one.passed for one in lines)
    return f"{text}{failed} of {len(lines)} failed\n"


def as_json(lines: list[Line]) -> str:
    """The sheet as a JSON list, a line an object."""
    return json.dumps([{"number": at} | one._asdict() for at, one in enumerate(lines, start=1)], indent=1) + "\n"


def main(arguments: list[str], outward: TextIO) -> int:
    """Examines the bank that is named and writes the sheet."""
    parser = argparse.ArgumentParser(prog="python -m banks conformance", description="Our adapter against the lab.")
    parser.add_argument("bank", choices=sorted(CHAPTERS))
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory, opened(options.bank, Path(directory)) as (bank, control):
        lines = Examination(bank, control).run()
    outward.write(as_json(lines) if options.json else written(lines))
    return 0 if all(one.passed for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))

"""The demonstration: a payment comes in and a payout leaves, over HTTP only, and every book agrees to the dong.

`make up` runs it on the stage; a test runs it too. It speaks to Socai as merchants and operators do, to the simulated
bank as a payer does, and plays the merchant's own web shop, which checks the signature of what it is told.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table

from local.caller import WITHIN_S, Caller, DemoFailed, Json, until, wait
from local.rounds import Round
from local.shop import Shop

PAYMENT: Final = 1_500_000
PAYOUT: Final = 1_000_000
SECOND_PAYOUT: Final = 200_000
PAYOUT_FEE: Final = 3_300
FEE_BPS: Final = 100
HASTE: Final = {"validate_s": 0.1, "transfer_s": 0.2, "webhook_s": 0.1}
"""How long the simulated bank takes while somebody watches."""
BENEFICIARY: Final = {"bin": "970422", "account_number": "0001234567890", "name": "TRAN THI BINH"}


class Demo:
    """The story in steps. `checks` fills with (what must hold, whether it does, what was seen)."""

    def __init__(self, socai: str, lab: str, keys: Mapping[str, str], shop: Shop, say: Callable[[str], None]) -> None:
        self.admin = Caller(socai, keys["admin"])
        self.approver = Caller(socai, keys["approver"])
        self.bank = Caller(f"{lab}/acb")
        self._lab = lab
        self.shop = shop
        self.say = say
        self.checks: list[tuple[str, bool, str]] = []
        self._socai = socai
        self.merchant: Caller
        self.merchant_id = ""
        self.account = ""
        self.payouts: list[str] = []
        self.credit: Json = {}

    def run(self) -> None:
        """All steps in order; raises DemoFailed where one cannot go on."""
        self.bank.post("/webhooks", {"mode": "send"})
        usual = self.bank.get("/state")["settings"]
        self.bank.post("/settings", HASTE)
        try:
            self.registered()
            self.paid()
            self.settled()
            self.paid_out()
            self.lost_answer()
            self.webhook_again()
            self.agreed()
            self.other_banks()
        finally:
            self.bank.post("/settings", {name: usual[name] for name in HASTE})

    def registered(self) -> None:
        """An operator registers the merchant, whose shop wants to be told."""
        terms = {"fee_bps": FEE_BPS, "payout_fee": PAYOUT_FEE, "currency": "VND", "approvals_needed": 1}
        made = self.admin.post("/v1/merchants", {"name": "Cửa hàng Hoa Sen", "bank_account_id": "ba_acb_main", **terms})
        self.merchant_id = made["id"]
        self.merchant = Caller(self._socai, made["api_key"]["secret"])
        endpoint = self.merchant.post("/v1/webhook-endpoints", {"url": self.shop.url})
        self.shop.secret = endpoint["secret"]
        self.say(f"registered merchant {self.merchant_id}")

    def paid(self) -> None:
        """A payer scans the VietQR and pays; the bank tells us, we tell the shop."""
        asked = {"amount": PAYMENT, "currency": "VND", "description": "Đơn hàng 17", "merchant_reference": "17"}
        intent = self.merchant.post("/v1/payment-intents", asked)
        self.account = intent["pay_to"]["account_number"]
        self.say(f"payment intent {intent['id']}: {PAYMENT:,} VND, code {intent['code']}")
        self.credit = self.bank.post("/pay", {"vietqr": intent["vietqr"]})
        self.say("the payer scanned the VietQR and paid; the bank booked it")
        seen = until(self.merchant, f"/v1/payment-intents/{intent['id']}", "paid")
        self.check("the payment is matched and paid", seen["received"] == PAYMENT, f"{seen['received']:,} VND")
        told = self.shop.wait_for("payment_intent.paid", WITHIN_S)
        self.check("the shop got a signed payment_intent.paid", told is not None, "signature checked")

    def settled(self) -> None:
        """The operator closes and releases the settlement: funds become available."""
        closed = self._settlement()
        released = self.admin.post(f"/v1/settlements/{closed['id']}/release")
        net = PAYMENT - PAYMENT * FEE_BPS // 10_000
        holds = (released["status"], released["net"]) == ("released", net)
        self.check("settlement released", holds, f"{released['status']}, net {released['net']:,} VND")
        balances = self.admin.get("/v1/balances", merchant_id=self.merchant_id)["data"]
        available = sum(row["available"] for row in balances if row["account"].endswith(":available"))
        self.check("the net is available to the merchant", available == net, f"{available:,} VND")

    def paid_out(self) -> None:
        """A payout, approved by another person, sent, accepted, confirmed by the statement."""
        payout = self._request(PAYOUT)
        own = self.merchant.refused(f"/v1/payouts/{payout['id']}/approve")
        self.check("nobody approves their own payout", own == "own-approval", own)
        self.approver.post(f"/v1/payouts/{payout['id']}/approve")
        self.say(f"payout {payout['id']}: {PAYOUT:,} VND requested by the merchant, approved by an operator")
        ended = until(self.merchant, f"/v1/payouts/{payout['id']}", "confirmed")
        names = [happening["name"] for happening in ended["timeline"]]
        way = ["payout.requested", "payout.approved", "payout.submitted", "payout.accepted", "payout.confirmed"]
        told = [name for name in names if name in way]
        self.check("requested, approved, submitted, accepted, confirmed", told == way, " → ".join(told))
        self._timeline(ended)

    def lost_answer(self) -> None:
        """The bank's answer to the second payout is lost: unknown, asked about, confirmed, sent once."""
        self.bank.post("/next-order", {"fault": "lose_answer", "validate_s": 0.5, "transfer_s": 0.5})
        payout = self._request(SECOND_PAYOUT)
        self.approver.post(f"/v1/payouts/{payout['id']}/approve")
        self.say(f"payout {payout['id']}: the bank's answer will be lost")
        ended = until(self.merchant, f"/v1/payouts/{payout['id']}", "confirmed")
        names = [happening["name"] for happening in ended["timeline"]]
        self.check("it was unknown, then confirmed", "payout.outcome_unknown" in names, " → ".join(names))
        order = self.bank.get(f"/orders/{payout['end_to_end_id']}")
        self.check("sent exactly once", order["received"] == 1, f"the bank received {order['received']}")
        self.check("the bank was asked about it", order["enquiries"] >= 1, f"{order['enquiries']} enquiries")
        self._timeline(ended)

    def webhook_again(self) -> None:
        """The same webhook three times more changes nothing."""
        before = self._books()
        reference = self.credit["reference"]
        sent = self._deliveries()
        self.bank.post(f"/movements/{reference}/notify", {"times": 3})
        wait(lambda: self._deliveries() >= sent + 3, "three more deliveries")
        self.check("the same webhook three times changes nothing", self._books() == before, "same books")

    def agreed(self) -> None:
        """The bank's own books, our account for it, and the trial balance."""
        state = self.bank.get("/state")
        theirs = next(found["balance"] for found in state["accounts"] if found["number"] == self.account)
        books = self._books()
        ours = books["rows"]["bank:ba_acb_main"]
        self.check("bank's books = our bank account", theirs == ours, f"{theirs:,} and {ours:,} VND")
        self.check("trial balance", books["debit"] == books["credit"], f"{books['debit']:,} = {books['credit']:,} VND")

    def other_banks(self) -> None:
        """One payment in and one payout out through every other bank of the lab, all at the same time."""
        codes = [bank["code"] for bank in Caller(self._lab).listed("/banks") if bank["code"] != "acb"]
        rounds = [Round(code, self._socai, self._lab, self.admin, self.approver, self.say) for code in codes]
        with ThreadPoolExecutor(max(len(rounds), 1)) as threads:
            ended = [threads.submit(one.run) for one in rounds]
        for code, end in zip(codes, ended, strict=True):
            self.check(f"{code}: a payment in, a payout out, and the books agree", *end.result())

    def check(self, what: str, holds: bool, seen: str) -> None:
        """Note whether something holds."""
        self.checks.append((what, holds, seen))
        self.say(f"{'✔' if holds else '✘'} {what} ({seen})")

    def close(self) -> None:
        """Let the connections go."""
        for caller in (self.admin, self.approver, self.bank):
            caller.close()
        if self.merchant_id:
            self.merchant.close()

    def _request(self, amount: int) -> Json:
        asked = {"amount": amount, "currency": "VND", "beneficiary": BENEFICIARY, "memo": "tra tien hang"}
        payout = self.merchant.post("/v1/payouts", asked)
        self.payouts.append(payout["id"])
        return payout

    def _settlement(self) -> Json:
        # The payments table follows the log by itself; the settlement takes what it shows.
        found: list[Json] = []

        def closed() -> bool:
            listed = self.merchant.get("/v1/payment-intents")["data"]
            if any(row["status"] == "paid" for row in listed):
                found.append(self.admin.post("/v1/settlements", {"merchant_id": self.merchant_id}))
            return bool(found)

        wait(closed, "a payment to settle")
        return found[0]

    def _books(self) -> Json:
        trial = self.admin.get("/v1/trial-balance", position=str(self._position()))
        rows = {row["account"]: row["debit"] - row["credit"] for row in trial["rows"]}
        total = trial["totals"][0]
        return {"rows": rows, "debit": total["debit"], "credit": total["credit"]}

    def _deliveries(self) -> int:
        return len(self.bank.listed("/deliveries"))

    def _position(self) -> int:
        return int(self.admin.get("/ready")["position"])

    def _timeline(self, payout: Json) -> None:
        for happening in payout["timeline"]:
            self.say(f"    {happening['at'][11:23]}Z  {happening['name']:24} {happening['actor']}")


def table(demo: Demo) -> Table:
    """The trial balance as a table for people."""
    trial = demo.admin.get("/v1/trial-balance")
    shown = Table(title=f"Trial balance at position {trial['position']}", title_justify="left")
    shown.add_column("account", overflow="fold")
    shown.add_column("kind", no_wrap=True)
    shown.add_column("debit", justify="right", no_wrap=True)
    shown.add_column("credit", justify="right", no_wrap=True)
    for row in trial["rows"]:
        shown.add_row(row["account"], row["kind"], f"{row['debit']:,}", f"{row['credit']:,}")
    for total in trial["totals"]:
        shown.add_row("total", total["currency"], f"{total['debit']:,}", f"{total['credit']:,}", style="bold")
    return shown


def main(environment: Mapping[str, str]) -> int:
    """Run the demonstration on the stage this environment describes; 0 when every check is green."""
    console = Console(highlight=False)
    run = Path(environment["SOCAI_BANK_KEYS"]).parent
    keys = {role: (run / f"operator-{role}.key").read_text().strip() for role in ("admin", "approver")}
    lab = f"http://127.0.0.1:{environment['SOCAI_SIMULATOR_CONTROL_PORT']}"
    with ExitStack() as stack:
        shop = stack.enter_context(Shop())
        status = stack.enter_context(console.status("Money comes in and goes out …"))
        began = time.monotonic()

        def say(line: str) -> None:
            status.update(line.strip())
            console.print(f"[{time.monotonic() - began:5.1f} s] {line}", markup=False, soft_wrap=True)

        demo = Demo(environment["SOCAI_PUBLIC_URL"], lab, keys, shop, say)
        stack.callback(demo.close)
        try:
            demo.run()
        except (DemoFailed, httpx.HTTPError) as error:
            console.print(f"The demonstration stopped: {error}", style="red", markup=False, soft_wrap=True)
            return 1
        console.print(table(demo))
    green = all(holds for _, holds, _ in demo.checks)
    console.print(f"{sum(holds for _, holds, _ in demo.checks)} of {len(demo.checks)} checks green.")
    if demo.payouts:
        story = f"./socai run python -m ledger history {demo.payouts[0]}"
        console.print(f"The whole story of the payout: {story}", soft_wrap=True)
    return 0 if green else 1


if __name__ == "__main__":
    sys.exit(main(os.environ))

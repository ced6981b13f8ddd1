"""The short way of money through one bank: a payment comes in, is settled, and a payout goes out and is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from local.caller import Caller, Json, until, wait

PAID_IN: Final = 1_000_000
PAID_OUT: Final = 600_000
HASTE: Final = {"validate_s": 0.1, "transfer_s": 0.2, "webhook_s": 0.1}
PAYEE: Final = {"bin": "970436", "account_number": "1012345678", "name": "TRAN THI BINH"}


class Round:
    """One merchant at one bank. Admin and approver are operators of Socai, shared with others."""

    def __init__(
        self, code: str, socai: str, lab: str, admin: Caller, approver: Caller, say: Callable[[str], None]
    ) -> None:
        self._code, self._socai = code, socai
        self._bank = Caller(f"{lab}/{code}")
        self._admin, self._approver = admin, approver
        self._say = say

    def run(self) -> tuple[bool, str]:
        """Whether the bank's books and ours agree in the end, and both. Raises DemoFailed."""
        usual = self._bank.get("/state")["settings"]
        self._bank.post("/settings", HASTE)
        merchant = self._merchant()
        try:
            self._paid(merchant)
            self._paid_out(merchant)
            return self._agreed()
        finally:
            self._bank.post("/settings", {name: usual[name] for name in HASTE})
            merchant.close()
            self._bank.close()

    def _merchant(self) -> Caller:
        terms = {"fee_bps": 0, "payout_fee": 0, "currency": "VND", "approvals_needed": 1}
        asked = {"name": f"Cửa hàng {self._code}", "bank_account_id": f"ba_{self._code}_main", **terms}
        made = self._admin.post("/v1/merchants", asked)
        self._id = made["id"]
        return Caller(self._socai, made["api_key"]["secret"])

    def _paid(self, merchant: Caller) -> None:
        """A payer scans the code and pays; it is settled and available."""
        intent = merchant.post("/v1/payment-intents", {"amount": PAID_IN, "currency": "VND"})
        self._bank.post("/pay", {"vietqr": intent["vietqr"]})
        until(merchant, f"/v1/payment-intents/{intent['id']}", "paid")
        self._say(f"{self._code}: {PAID_IN:,} VND came in")
        closed = self._admin.post("/v1/settlements", {"merchant_id": self._id})
        self._admin.post(f"/v1/settlements/{closed['id']}/release")

    def _paid_out(self, merchant: Caller) -> None:
        """A payout, approved by an operator, and at the bank by a person where the bank wants one."""
        asked = {"amount": PAID_OUT, "currency": "VND", "beneficiary": PAYEE, "memo": "tra tien hang"}
        payout = merchant.post("/v1/payouts", asked)
        self._approver.post(f"/v1/payouts/{payout['id']}/approve")
        self.approved_at_the_bank(payout["end_to_end_id"])
        until(merchant, f"/v1/payouts/{payout['id']}", "confirmed")
        self._say(f"{self._code}: {PAID_OUT:,} VND went out")

    def approved_at_the_bank(self, end_to_end_id: str) -> None:
        """A person at the bank says yes, once the order is there, if the bank wants one. Raises DemoFailed."""
        order: Json = {}

        def arrived() -> bool:
            nonlocal order
            found = [one for one in self._bank.listed("/orders") if one["trace"] == end_to_end_id]
            order = found[0] if found else {}
            return bool(found)

        wait(arrived, f"the order {end_to_end_id} at {self._code}")
        if order["unapproved"]:
            self._bank.post(f"/orders/{end_to_end_id}", {"status": "executed"})
            self._say(f"{self._code}: a person at the bank approved the order")

    def _agreed(self) -> tuple[bool, str]:
        state = self._bank.get("/state")
        theirs = next(found["balance"] for found in state["accounts"] if found["client"])
        position = self._admin.get("/ready")["position"]
        trial = self._admin.get("/v1/trial-balance", position=str(position))
        ours = sum(
            row["debit"] - row["credit"] for row in trial["rows"] if row["account"] == f"bank:ba_{self._code}_main"
        )
        return theirs == ours, f"{theirs:,} and {ours:,} VND"

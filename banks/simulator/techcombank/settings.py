"""What can be turned at Techcombank beside what all banks have: shapes that the specification leaves open."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from banks.simulator.settings import Settings
from banks.simulator.techcombank.sealing import Generation
from banks.simulator.techcombank.soap import Prefixes


class TechcombankSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`envelope`: the generation of sealed messages the bank opens. `prefixes`: whose namespace prefixes its messages
    carry, by turns for `rotate`. `status_words`: TxnSts is the word alone, or has it within. `not_found`: an enquiry
    answers without a record, or with an error; `enquiry_signature`: whether it must be signed. `sealed_callbacks`:
    ReqInf of UpdateStatus is sealed for the customer. `pushes`: movements are announced as
    5.1.7 assumes; the real bank offers partners nothing of the kind, so it is off.
    """

    webhook_timeout_s: Annotated[float, Meta(gt=0, le=60)] = 30.0
    envelope: Generation = "gcm"
    prefixes: Prefixes = "rotate"
    status_words: Literal["alone", "within"] = "alone"
    not_found: Literal["empty", "error"] = "empty"
    enquiry_signature: Literal["optional", "required"] = "optional"
    sealed_callbacks: bool = False
    pushes: bool = False

"""Which banks there are over HTTP, and what each offers: for merchants, who choose a rail, and for operators."""

from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields
from msgspec import to_builtins

from banks.bank import Capability, Rail
from banks.facts import every_bank
from web.auth import MERCHANTS, OPERATORS
from web.fields import Currency, Word
from web.pages import whole
from web.routes import Answer, Call, route


class RailShown(Schema):
    """A rail. No `amount_max`: none is published. No `opens` and `closes`: it never closes."""

    rail = Word(*get_args(Rail), required=True)
    amount_max = fields.Integer(required=True, allow_none=True)
    opens = fields.String(required=True, allow_none=True, metadata={"description": "As 08:00, Vietnam time."})
    closes = fields.String(required=True, allow_none=True, metadata={"description": "As 16:00; working days only."})


class NotFoundShown(Schema):
    """When "the bank does not know this order" may count as "it never happened", beside a statement without it."""

    after_s = fields.Integer(required=True)
    enquiries = fields.Integer(required=True)
    apart_s = fields.Integer(required=True)


class BankShown(Schema):
    """What one bank offers, and within which bounds. Amounts are minor units of `currency`."""

    object = Word("bank", required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    bin = fields.String(required=True)
    capabilities = fields.List(Word(*Capability), required=True)
    lacks = fields.List(Word(*Capability), required=True)
    currency = Currency(required=True)
    amount_min = fields.Integer(required=True)
    end_to_end_id_max = fields.Integer(required=True)
    rails = fields.List(fields.Nested(RailShown), required=True)
    not_found_final = fields.Nested(NotFoundShown, required=True)


@route("GET", "/v1/banks/capabilities", roles=MERCHANTS | OPERATORS, answer=BankShown, listed=True)
def list_bank_capabilities(call: Call) -> Answer:
    """What each bank offers: capabilities, limits, hours.

    A capability a bank lacks is refused before anything is sent to it.
    """
    used = {bank.code for bank in call.services.banks.values()}
    return whole([{"object": "bank", **to_builtins(bank)} for bank in every_bank(used)])

"""Payment intents over HTTP, from the asking to the picture a payer scans."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from banks import vietqr, vietqr_picture
from ledger.money import Money
from tests.web.stage import OPERATOR_KEYS, Stage, problem, said


def test_an_intent_says_where_and_how_to_pay(stage: Stage) -> None:
    intent = stage.intent(stage.shop(), 1_500_000, description="Đơn 7", merchant_reference="7")
    read = vietqr.read(intent["vietqr"])
    assert (read.bin, read.number, read.amount, read.memo) == ("970416", "12345678", Money(1_500_000), intent["code"])
    assert intent["pay_to"]["account_number"] == "12345678"
    assert (intent["status"], intent["description"], intent["merchant_reference"]) == ("awaiting", "Đơn 7", "7")


def test_the_tables_say_the_same_as_the_answer_to_the_command(stage_on_each_database: Stage) -> None:
    stage = stage_on_each_database
    shop = stage.shop()
    expires = "2026-12-01T00:00:00+07:00"
    intent = stage.intent(shop, description="Đơn 8 ₫", expires_at=expires)
    stage.project()
    assert stage.done("GET", f"/v1/payment-intents/{intent['id']}", bearer=shop.keys["reader"]) == intent
    assert stage.done("GET", "/v1/payment-intents", bearer=shop.keys["reader"])["data"] == [intent]
    assert intent["expires_at"] == "2026-11-30T17:00:00Z"


def test_a_payment_that_came_is_shown(stage: Stage) -> None:
    shop = stage.shop()
    intent = stage.intent(shop)
    stage.pays(intent["code"])
    stage.project()
    shown = stage.done("GET", f"/v1/payment-intents/{intent['id']}", bearer=shop.keys["reader"])
    assert (shown["status"], shown["received"], shown["fees"]) == ("paid", 1_500_000, 15_000)
    assert stage.done("GET", "/v1/payment-intents?status=awaiting", bearer=shop.keys["reader"])["data"] == []


@pytest.mark.parametrize(
    ("picture", "media", "draw"),
    [("png", "image/png", vietqr_picture.png), ("svg", "image/svg+xml", vietqr_picture.svg)],
)
def test_the_picture_is_there_before_any_table_is(
    stage: Stage, picture: str, media: str, draw: Callable[..., bytes]
) -> None:
    """It shows what the intent says, and whose account it is."""
    shop = stage.shop()
    intent = stage.intent(shop)
    answer = stage.ask("GET", f"/v1/payment-intents/{intent['id']}/qr.{picture}", bearer=shop.keys["reader"])
    assert answer.mimetype == media
    assert answer.data == draw(intent["vietqr"], holder=intent["pay_to"]["holder"])


def test_a_cancelled_intent_cannot_be_cancelled_again(stage: Stage) -> None:
    shop = stage.shop()
    path = f"/v1/payment-intents/{stage.intent(shop)['id']}/cancel"
    assert stage.done("POST", path, bearer=shop.keys["owner"])["status"] == "cancelled"
    assert problem(stage.ask("POST", path, bearer=shop.keys["owner"]))[:2] == (409, "payment-intent-closed")


@pytest.mark.parametrize("what", ["", "/qr.png", "/qr.svg"])
def test_another_merchants_intent_is_not_found_in_the_same_words(stage: Stage, what: str) -> None:
    ours, theirs = stage.shop(), stage.shop("Khác")
    foreign = stage.intent(theirs)["id"]
    stage.project()
    answers = [
        stage.ask("GET", f"/v1/payment-intents/{id_}{what}", bearer=ours.keys["owner"]) for id_ in (foreign, "pi_NONE")
    ]
    bodies = [said(answer) | {"request_id": ""} for answer in answers]
    assert str(bodies[0]).replace(foreign, "") == str(bodies[1]).replace("pi_NONE", "")
    assert {answer.status_code for answer in answers} == {404}


def test_an_operator_reads_any_intent(stage: Stage) -> None:
    intent = stage.intent(stage.shop())
    stage.project()
    path = f"/v1/payment-intents/{intent['id']}"
    assert stage.done("GET", path, bearer=OPERATOR_KEYS["auditor"])["id"] == intent["id"]


def test_a_time_to_pay_that_is_over_is_refused(stage: Stage) -> None:
    body = {"amount": 5_000, "currency": "VND", "expires_at": "2026-01-01T00:00:00Z"}
    answer = stage.ask("POST", "/v1/payment-intents", body, bearer=stage.shop().keys["owner"])
    assert problem(answer) == (422, "invalid-field", "/expires_at")

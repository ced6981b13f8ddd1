"""A bank that fetches a token from us first: who gets one, and that nothing is told without it."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from banks.accounts import BankAccount, EarlierCredentials
from banks.mb_credentials import MbCredentials
from banks.registry import open_banks
from banks.transport import Transport
from commands import dispatch
from commands.payouts import SubmitPayout
from ledger.alarms import UNREADABLE_NOTICE
from ledger.payouts import ACCEPTED, SUBMITTED, Payout
from ledger.settings import Secret
from tests.banks.mb.rig import ACCOUNT_ID, PUSH_PASSWORD, account, recorded, told
from tests.web.stage import BANK_ACCOUNT, Stage
from tests.web.test_notices_orders import alarms, found, settled
from web.context import context

PATH = f"/v1/bank-webhooks/{ACCOUNT_ID}"


@pytest.fixture
def mb(stage: Stage) -> Stage:
    """The stage with an account at MB."""
    return with_account(stage, account("http://127.0.0.1:9"))


def with_account(stage: Stage, ours: BankAccount) -> Stage:
    opened = open_banks({ours.id: ours}, Transport(lambda: 0.0), stage.clock, lambda: "t")
    services = replace(stage.services, banks={**stage.services.banks, **opened})
    return Stage(services, stage.clock, _numbers=stage._numbers)


def fetched(stage: Stage, password: str = PUSH_PASSWORD, path: str = f"{PATH}/token") -> TestResponse:
    known = b64encode(f"mb:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {known}", "Content-Type": "application/x-www-form-urlencoded"}
    answer: TestResponse = stage.ask("POST", path, raw=b"grant_type=client_credentials", key="", headers=headers)
    return answer


def tells(stage: Stage, body: bytes, token: str | None) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    answer: TestResponse = stage.ask("POST", PATH, raw=body, key="", headers=headers)
    return answer


def token(stage: Stage) -> str:
    answer = fetched(stage)
    assert answer.status_code == 200
    return str(json.loads(answer.data)["access_token"])


def pushed(**changes: object) -> bytes:
    return json.dumps(told("push.json", **changes)).encode()


def test_a_push_with_a_token_of_ours_becomes_a_line(mb: Stage) -> None:
    shop = mb.shop(bank_account_id=ACCOUNT_ID)
    intent = mb.intent(shop)
    answer = tells(mb, pushed(content=f"CUSTOMER {intent['code']}", amount=intent["amount"]), token(mb))
    assert answer.status_code == 200
    said = json.loads(answer.data)
    assert (said["error"], said["errorReason"]) == (False, "000")
    assert said["object"]["reftransactionid"].startswith("sl_")
    again = tells(mb, pushed(content="another memo", amount=intent["amount"]), token(mb))
    assert json.loads(again.data) == said, "told twice, taken once"


def test_without_a_token_nothing_is_taken(mb: Stage) -> None:
    head = mb.services.ledger.head()
    for shown in (None, "", "x.y.z", token(mb)[:-2] + "xx", PUSH_PASSWORD):
        answer = tells(mb, pushed(), shown)
        assert (answer.status_code, json.loads(answer.data)["error"]) == (401, True)
    assert mb.services.ledger.head() == head


def test_nobody_else_gets_a_token(mb: Stage) -> None:
    answer = fetched(mb, "planted-wrong-password")
    assert (answer.status_code, json.loads(answer.data)["error"]) == (401, True)
    assert b"access_token" not in answer.data
    assert b"planted" not in answer.data


def test_a_password_that_was_replaced_and_its_tokens_are_good_until_their_time(stage: Stage) -> None:
    ours = account("http://127.0.0.1:9")
    former = ours.credentials_as(MbCredentials)
    newest = replace(former, push_password=Secret("planted-next-password"), webhook_keys=(Secret("n" * 32),))
    earlier = EarlierCredentials(former, stage.clock() + timedelta(minutes=1))
    mb = with_account(stage, replace(ours, credentials=newest, earlier=(earlier,)))
    assert tells(mb, pushed(), token(mb)).status_code == 200
    late = pushed(referencenumber="FT25015000000077")
    given = token(mb)
    mb.clock.passed += timedelta(minutes=1)
    assert fetched(mb).status_code == 401
    assert tells(mb, late, given).status_code == 401
    assert fetched(mb, "planted-next-password").status_code == 200


def test_a_bank_that_fetches_no_tokens_and_an_unknown_account_are_not_found(mb: Stage) -> None:
    for account_id in (BANK_ACCOUNT, "ba_none"):
        assert fetched(mb, path=f"/v1/bank-webhooks/{account_id}/token").status_code == 404


def test_a_merchant_push_and_the_balance_push_of_one_payment_are_one_line(mb: Stage) -> None:
    merchant = tells(mb, recorded("merchant_push.json"), None)
    assert json.loads(merchant.data) == {"resCode": "00", "resDesc": "Success"}
    head = mb.services.ledger.head()
    second = tells(mb, pushed(referencenumber="FT25015000000001"), token(mb))
    assert second.status_code == 200
    assert mb.services.ledger.head() == head


def test_a_push_about_another_account_is_kept_for_people(mb: Stage) -> None:
    answer = tells(mb, pushed(bankaccount="0009990009999"), token(mb))
    assert (answer.status_code, json.loads(answer.data)["errorReason"]) == (400, "001")
    assert UNREADABLE_NOTICE in {kind for kind, _ in alarms(mb)}


# result callback


@pytest.fixture
def payout(mb: Stage) -> Payout:
    """A payout whose order is on its way to the bank."""
    shop = mb.shop(bank_account_id=ACCOUNT_ID, approvals_needed=0)
    tells(mb, pushed(content=mb.intent(shop)["code"], amount=1_500_000), token(mb))
    made = mb.payout(settled(mb, shop))
    submit = SubmitPayout(payout_id=made["id"])
    circumstances = context(mb.services, actor="worker:x", request_id="r", natural_key=("submit",))
    dispatch(mb.services.ledger, submit, circumstances)
    return found(mb, made["id"])


def callback(payout: Payout, state: str = "SUCCESS") -> bytes:
    names = {"transactionId": f"SOCAICHI{payout.end_to_end_id}", "transactionStatus": state}
    return json.dumps(told("callback.json", **names)).encode()


@pytest.mark.parametrize("state", ["SUCCESS", "FAILED"])
def test_a_callback_proves_no_more_than_that_the_bank_has_the_order(mb: Stage, payout: Payout, state: str) -> None:
    assert payout.status == SUBMITTED
    answer = tells(mb, callback(payout, state), token(mb))
    assert json.loads(answer.data)["object"] == {"refTransactionid": ""}
    told_of = found(mb, payout.id)
    assert (told_of.status, told_of.executed) == (ACCEPTED, False)
    head = mb.services.ledger.head()
    assert tells(mb, callback(payout, state), token(mb)).status_code == 200
    assert mb.services.ledger.head() == head, "told twice, taken once"


def test_a_forged_callback_and_one_for_an_unknown_order_move_nothing(mb: Stage, payout: Payout) -> None:
    assert tells(mb, callback(payout), None).status_code == 401
    assert tells(mb, callback(payout, "done"), token(mb)).status_code == 400
    assert tells(mb, recorded("callback.json"), token(mb)).status_code == 400
    assert found(mb, payout.id).status == SUBMITTED

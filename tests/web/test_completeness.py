"""How whole a statement is, over HTTP, for operators."""

from __future__ import annotations

from commands import dispatch
from commands.completeness import RecordBankBalance, RecordCompleteness
from ledger.completeness import BY_RUNNING_BALANCE, Checkpoint, Hole, Judgement, Proof
from ledger.context import Context
from tests.story import dong
from tests.web.stage import BANK_ACCOUNT, OPERATOR_KEYS, START, Stage, problem

PATH = f"/v1/bank-accounts/{BANK_ACCOUNT}/completeness"


def test_an_account_is_shown_before_and_after_something_is_proved(stage_on_each_database: Stage) -> None:
    stage = stage_on_each_database
    shown = stage.done("GET", PATH, bearer=OPERATOR_KEYS["auditor"])
    assert (shown["complete_up_to"], shown["open_holes"], shown["holes"]) == (None, 0, [])
    hole = Hole(
        hole_id="hole_a",
        seen_by=BY_RUNNING_BALANCE,
        since=START,
        until=START,
        missing=dong(-7_000),
        after_line_id="sl_a",
        before_line_id="sl_b",
    )
    judgement = Judgement(proof=Proof(START, START, Checkpoint(START, dong(5))), holes=(hole,))
    context = Context(at=stage.clock(), actor="worker:completeness", command_id="cmd_a", correlation_id="cmd_a")
    ledger = stage.services.ledger
    dispatch(ledger, RecordBankBalance(bank_account_id=BANK_ACCOUNT, balance=dong(5), as_of=START), context)
    dispatch(ledger, RecordCompleteness(bank_account_id=BANK_ACCOUNT, judgement=judgement), context)
    stage.project()
    shown = stage.done("GET", PATH, bearer=OPERATOR_KEYS["auditor"])
    assert shown["complete_up_to"] == shown["balance_as_of"] == "2026-11-23T02:00:00Z"
    assert (shown["balance"], shown["open_holes"]) == (5, 1)
    (found,) = shown["holes"]
    assert (found["missing"], found["after_line_id"], found["closed_at"]) == (-7_000, "sl_a", None)


def test_an_account_that_is_not_ours_is_not_there(shared_stage: Stage) -> None:
    answer = shared_stage.ask("GET", "/v1/bank-accounts/ba_x/completeness", bearer=OPERATOR_KEYS["auditor"])
    assert problem(answer)[:2] == (404, "unknown-bank-account")

"""`transfer-test`: one real order, at most once, and never a word that invites a second one."""

from __future__ import annotations

import argparse
import io
import secrets
from collections.abc import Callable, Iterator

import pytest

from banks import trial_order
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from banks.registry import bank_classes
from ledger.codes import find_end_to_end_ids, find_payment_codes
from ledger.errors import CapabilityMissing, InvalidAmount, InvalidBeneficiary, InvalidField, Problem
from tests.banks.acb.rig import ORDER, open_rig
from tests.banks.contract import NOW, Rig
from tests.banks.contract import open_rig as rig_of
from tests.banks.http_server import HttpServer, Reply, http

OURS = "TRIALABCDEFGHJK"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def rig(server: HttpServer) -> Iterator[Rig]:
    opened = open_rig(server)
    yield opened
    opened.transport.close()


def ours(reply: Reply) -> Reply:
    """The recorded reply about our trial order."""
    body = reply.payload.partition(b"\r\n\r\n")[2]
    return http(200, body.replace(ORDER.end_to_end_id.encode(), OURS.encode()))


def options(**said: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    trial_order.add_options(parser)
    found = parser.parse_args(["--to", "970422:0001234567890", "--name", "Nguyễn Văn A", "--amount", "200000"])
    return argparse.Namespace(**vars(found) | {"yes": True, "wait_s": 15} | said)


def trial(
    rig: Rig, chosen: argparse.Namespace, typed: str = "200000\n", pause: Callable[[float], None] = lambda _: None
) -> tuple[int, str]:
    outward = io.StringIO()
    order = trial_order.order_of(rig.bank, chosen, OURS)
    status = trial_order.run(chosen, rig.bank, order, io.StringIO(typed), outward, lambda: NOW, pause)
    assert not [secret for secret in rig.secrets if secret in outward.getvalue()]
    return status, outward.getvalue()


def test_an_order_is_sent_once_and_followed_until_the_bank_has_decided(rig: Rig) -> None:
    rig.say |= {"order": ours(rig.accepted), "status": ours(rig.not_found)}
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            rig.say["status"] = ours(rig.executed)

    status, said = trial(rig, options(wait_s=60), pause=pause)
    assert (status, waited) == (trial_order.EXECUTED, [5, 5])
    assert rig.orders_received() == 1
    assert said.splitlines()[-1] == "EXECUTED: the bank says that the money went."
    assert f"Sending {OURS}." in said


def test_when_the_time_is_up_nobody_is_told_to_repeat(rig: Rig) -> None:
    rig.say |= {"order": Reply(b"", "reset"), "status": ours(rig.not_found)}
    status, said = trial(rig, options())
    assert status == trial_order.PERHAPS
    assert "NOT FOUND" in said
    assert "DO NOT REPEAT IT" in said
    assert rig.orders_received() == 1


def test_a_person_who_stops_the_asking_is_told_the_same(rig: Rig) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    rig.say["order"] = ours(rig.accepted)
    status, said = trial(rig, options(), pause=stop)
    assert status == trial_order.PERHAPS
    assert "ACCEPTED" in said
    assert "DO NOT REPEAT IT" in said


def test_a_person_who_stops_while_it_is_sent_is_told_that_it_may_have_been_executed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(rig.bank), "transfer", stop)
    status, said = trial(rig, options())
    assert (status, "DO NOT REPEAT IT" in said) == (trial_order.PERHAPS, True)


def test_a_refusal_of_the_enquiry_says_nothing_about_the_order(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Outcome:
        raise InvalidField("x")

    rig.say["order"] = ours(rig.accepted)
    monkeypatch.setattr(type(rig.bank), "transfer_status", refuse)
    status, said = trial(rig, options())
    assert (status, "UNKNOWN" in said) == (trial_order.PERHAPS, True)


@pytest.mark.parametrize("typed", ["", "yes\n", "200001\n", "\n"])
def test_nothing_is_sent_unless_the_amount_is_typed_behind_the_caution(
    rig: Rig, server: HttpServer, typed: str
) -> None:
    with pytest.raises(InvalidField, match="Nothing was sent"):
        trial(rig, options(), typed)
    assert server.received == []


def test_nothing_is_sent_without_yes(rig: Rig, server: HttpServer) -> None:
    with pytest.raises(InvalidField, match="--yes"):
        trial(rig, options(yes=False))
    assert server.received == []


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"to": "0001234567890"}, InvalidBeneficiary),
        ({"to": "000000:1"}, Problem),
        ({"amount": "0"}, InvalidAmount),
        ({"amount": "1.5"}, InvalidAmount),
        ({"amount": "500000000"}, InvalidAmount),
        ({"name": ""}, InvalidBeneficiary),
    ],
)
def test_an_order_the_bank_could_not_take_is_refused_before_the_caution(
    rig: Rig, server: HttpServer, said: dict[str, object], refusal: type[Problem]
) -> None:
    with pytest.raises(refusal):
        trial(rig, options(**said))
    assert server.received == []


@pytest.mark.parametrize("lacking", ["transfer_napas", "transfer_status"])
def test_a_bank_that_cannot_send_or_tell_is_refused(
    rig: Rig, server: HttpServer, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(rig.bank), "capabilities", rig.bank.capabilities - {lacking})
    with pytest.raises(CapabilityMissing, match=lacking):
        trial(rig, options())
    assert server.received == []


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Executed("FT1"), 0),
        (Accepted(None), 3),
        (NotFound(), 3),
        (Unknown("why"), 3),
        (Declined(Reason.LIMIT, "X1"), 4),
        (NotSent("why"), 4),
    ],
)
def test_each_outcome_has_its_words_and_only_what_surely_moved_no_money_may_be_repeated(
    outcome: Outcome, status: int
) -> None:
    assert trial_order.exit_status(outcome) == status
    assert ("DO NOT REPEAT" in trial_order.meaning(outcome, OURS)) == (status == 3)


@pytest.mark.parametrize("code", list(bank_classes()))
def test_ids_fit_the_bank_and_are_none_of_payouts_or_payments(code: str, server: HttpServer) -> None:
    opened = rig_of(code, server)
    opened.transport.close()
    made = [trial_order.fresh_id(opened.bank, secrets.token_bytes) for _ in range(200)]
    assert len(set(made)) == len(made)
    for one in made:
        assert one.isalnum()
        assert one.isupper()
        assert 10 <= len(one) <= opened.bank.limits.end_to_end_id_max
        for around in (one, f"SP{one}SP", f"SOCAI{one}SOCAI", f"S{one}P"):
            assert find_end_to_end_ids(around) == find_payment_codes(around) == []

"""An answer that fits no more is set aside, sealed, with one alarm, which ends when nothing of its kind is left."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace

import msgspec

from banks.outcomes import Misfit
from commands.notices import CloseContractDrift
from ledger.alarms import BANK_CONTRACT_DRIFT, Alarm, id_of_alarm
from ledger.notices import BankNotice
from tests.workers.world import BANK_ACCOUNT, World
from workers.drifts import hold_alarms_against_what_waits, set_aside, settle
from workers.replay import alarms_of_drift

DAYS = "2026-11-26/2026-11-26"
MISFIT = Misfit("transactionDate", "not yyyy-MM-dd", b'{"remitterName":"NGUYEN VAN KIN"}')
DRIFT = "acb.history.transactionDate"


def meets(world: World, misfit: Misfit = MISFIT, about: str = DAYS) -> None:
    set_aside(world.parts, world.parts.banks[BANK_ACCOUNT], "history", about, misfit)


def kept(world: World) -> list[str]:
    return [one.stream for one in world.parts.ledger.follow() if isinstance(one.event, BankNotice.Kept)]


def history(world: World) -> list[str]:
    return world.names(id_of_alarm(BANK_CONTRACT_DRIFT, DRIFT))


def rounds(world: World) -> None:
    world.project()
    assert list(alarms_of_drift(world.parts, world.clock())) == []
    world.project()


def test_what_came_is_kept_sealed_and_told_without_a_value(world: World) -> None:
    meets(world)
    (notice_id,) = kept(world)
    notice = world.parts.ledger.get(BankNotice, notice_id)
    assert b64decode(world.parts.ledger.vault.open(notice.body)) == MISFIT.body
    assert (notice.operation, notice.about, notice.drift) == ("history", DAYS, DRIFT)
    (told,) = [one.event for one in world.parts.ledger.follow() if isinstance(one.event, Alarm.Raised)]
    for word in ("ACB", "history", "transactionDate", "not yyyy-MM-dd", DAYS, notice_id):
        assert word in told.detail
    assert not any("KIN" in msgspec.json.encode(one).decode() for one in world.parts.ledger.follow())


def test_the_same_again_changes_nothing_and_another_day_waits_too(world: World) -> None:
    meets(world)
    head = world.parts.ledger.head()
    meets(world, msgspec.structs.replace(MISFIT, body=b"later"))
    assert world.parts.ledger.head() == head
    meets(world, about="2026-11-25/2026-11-25")
    assert len(kept(world)) == 2
    assert history(world) == ["raised"]


def test_the_alarm_ends_with_the_last_of_its_kind(world: World) -> None:
    for about in (DAYS, "po_x"):
        meets(world, about=about)
    world.project()
    settle(world.parts, BANK_ACCOUNT, DAYS)
    rounds(world)
    assert history(world) == ["raised"]
    settle(world.parts, BANK_ACCOUNT, "po_x")
    rounds(world)
    rounds(world)
    assert history(world) == ["raised", "closed"]


def test_a_drift_that_comes_back_waits_and_rings_anew(world: World) -> None:
    meets(world)
    world.project()
    settle(world.parts, BANK_ACCOUNT, DAYS)
    rounds(world)
    meets(world)
    assert history(world) == ["raised", "closed", "raised"]
    assert not world.parts.ledger.get(BankNotice, kept(world)[0]).replayed


def test_an_alarm_that_was_closed_while_something_came_rings_again(world: World) -> None:
    meets(world)
    world.do(CloseContractDrift(drift=DRIFT))
    rounds(world)
    rounds(world)
    assert history(world) == ["raised", "closed", "raised"]


def test_nothing_is_settled_at_another_account(world: World) -> None:
    meets(world)
    world.project()
    settle(world.parts, "ba_other", DAYS)
    hold_alarms_against_what_waits(replace(world.parts))
    assert history(world) == ["raised"]

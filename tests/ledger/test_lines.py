"""Events on the command line: all of what they say, nothing of whom they name, and a word for those not readable."""

from __future__ import annotations

import json

from ledger.event_log import Recorded
from ledger.lines import for_people, for_programs, recorded
from tests.story import Story


def rows(story: Story) -> list[Recorded]:
    stored = story.ledger.recorder.select_notifications(start=1, limit=1_000)
    return [Recorded(row.id, str(row.originator_id), row.originator_version, row.topic, row.state) for row in stored]


def a_payout() -> tuple[Story, str]:
    story = Story()
    return story, story.submitted(story.funded(2_000_000), 1_000_000).id


def test_an_event_is_told_for_programs_with_its_position() -> None:
    story, payout_id = a_payout()
    told = [json.loads(recorded(row, as_json=True)) for row in rows(story)]
    assert [line["position"] for line in told] == list(range(1, len(told) + 1))
    requested = next(line for line in told if line["name"] == "payout.requested")
    assert requested["id"] == f"{payout_id}@1"
    assert requested["data"]["amount"] == "1,000,000 VND"
    assert requested["data"]["beneficiary_name"] == "[sealed]"


def test_an_event_is_told_for_people_in_vietnamese_time() -> None:
    story, payout_id = a_payout()
    text = "\n".join(recorded(row, as_json=False) for row in rows(story))
    assert "2026-11-23 09:00:00.000+07  payout.requested" in text
    assert f"{payout_id}@1  at position " in text
    assert "TRAN THI BINH" not in text


def test_without_a_position_none_is_told_to_people() -> None:
    story, payout_id = a_payout()
    envelope = story.ledger.history(payout_id)[0]
    assert "position" not in "\n".join(for_people(envelope))
    assert json.loads(for_programs(envelope))["position"] == 0


def test_an_event_that_cannot_be_read_is_named_with_the_reason() -> None:
    row = Recorded(7, "po_1", 3, "payout.teleported", b"{}")
    assert json.loads(recorded(row, as_json=True)) == {
        "id": "po_1@3",
        "position": 7,
        "name": "payout.teleported",
        "unreadable": "Event po_1@3 has a stored name this release does not know. A newer release wrote it: install"
        " that release or a later one, then retry what was set aside.",
    }
    assert "po_1@3  payout.teleported  at position 7" in recorded(row, as_json=False)

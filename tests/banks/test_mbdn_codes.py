"""The message table: every code of the specification stands in it once, and means what its group says."""

from __future__ import annotations

import pytest

from banks.mbdn_codes import MEANINGS, REASONS, TABLE, TURNED_AWAY, Meaning, refusal
from banks.outcomes import Reason

PRINTED = {
    Meaning.FUNDS: "400, 416, GW16, GW641, GW1005, GW2809, GW16040, OTD111, ERR_88_4003, ERR_88_4004, ERR_88_53011, "
    "ERR_88_53030, ERR_88_53031",
    Meaning.UNDECIDED: "002, GW718, GW1011, GW1068, GW2808, GW3501, GW_SML004, ERR_26_510, TimeoutError, "
    + ", ".join(f"ERR_88_{number}" for number in (*range(53016, 53020), *range(53026, 53030), 53038, 53039, 53042)),
    Meaning.AGAIN: "405, 406, 408, GW652, GW3500, ERR_17_504, ERR_26_502",
    Meaning.DUPLICATE: "212, 401, 404, GW1017, GW9135, GW8325, WRN_88_580, WRN_88_581, WRN_88_582, WRN_88_585",
    Meaning.SESSION: "207, GW200, GW1214, ERR_17_503",
    Meaning.PERSON: "GW283, 410, GW713, GW714, GW715, GW716",
    Meaning.CLOSED: "GW274, GW359, GW2741, GW2743, GW1908, GW0201, GW1428",
}


@pytest.mark.parametrize("meaning", PRINTED)
def test_the_groups_that_matter_most_hold_exactly_their_codes(meaning: Meaning) -> None:
    assert {code for code, found in MEANINGS.items() if found is meaning} == set(PRINTED[meaning].split(", "))


def test_no_code_stands_twice() -> None:
    listed = [code for codes in TABLE.values() for code in codes.split()]
    assert len(listed) == len(set(listed)) == len(MEANINGS)


def test_every_group_refuses_turns_away_or_decides_nothing() -> None:
    undecided = {Meaning.UNDECIDED, Meaning.AGAIN, Meaning.DUPLICATE, Meaning.UNVERIFIED}
    assert set(REASONS) | TURNED_AWAY | undecided == set(Meaning)
    assert not set(REASONS) & (TURNED_AWAY | undecided)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("GW641", Reason.INSUFFICIENT_FUNDS),
        ("411", Reason.LIMIT),
        ("W61", Reason.LIMIT),
        ("412", Reason.BANK_AWAY),
        ("GW2103", Reason.BANK_AWAY),
        ("211", Reason.BENEFICIARY_ACCOUNT),
        ("GW302", Reason.NOT_ALLOWED),
        ("GW289", Reason.NOT_ALLOWED),
        ("GW71", Reason.BAD_FORMAT),
        ("INNO_ERR_114", Reason.BENEFICIARY_NAME),
        ("INNO_ERR_116", Reason.BENEFICIARY_ACCOUNT),
        ("INNO_ERR_118", Reason.LIMIT),
        ("002", None),
        ("GW1011", None),
        ("405", None),
        ("212", None),
        ("GW274", None),
        ("INNO_ERR_115", None),
        ("GW9999", None),
        ("", None),
    ],
)
def test_a_code_refuses_or_does_not(code: str, reason: Reason | None) -> None:
    assert refusal(code) is reason

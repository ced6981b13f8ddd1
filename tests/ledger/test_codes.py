"""Codes survive banks: no single wrong character passes, and every known mangling of a memo gives the code back."""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import codes
from ledger.codes import ALPHABET, check_character, find, is_code, make, squeeze

KINDS = [
    (codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH),
    (codes.END_TO_END_PREFIX, codes.END_TO_END_LENGTH),
]
SAMPLES = list(csv.reader((Path(__file__).parent / "memo_samples.csv").read_text().splitlines()))[1:]
"""Bank, memo as received, what the payer typed, source (public samples with parties and codes replaced)."""
SAMPLE_CODES = ("SOCAI7K3M9Q2X", "SOCAI8AAAA22Y")
VALID = {old: make(codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH, old) for old in SAMPLE_CODES}


@pytest.mark.parametrize(("prefix", "length"), KINDS)
def test_no_single_wrong_character_turns_a_code_into_another(prefix: str, length: int) -> None:
    for key in range(40):
        code = make(prefix, length, key)
        assert is_code(code, prefix, length)
        for place in range(len(prefix), len(code)):
            for wrong in set(ALPHABET) - {code[place]}:
                assert not is_code(code[:place] + wrong + code[place + 1 :], prefix, length)


@given(st.text(ALPHABET, min_size=1, max_size=14), st.sampled_from(ALPHABET), st.data())
def test_every_body_has_exactly_one_check_character_and_keeps_telling_errors_apart(
    body: str, wrong: str, data: st.DataObject
) -> None:
    right = check_character(body)
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + wrong + body[place + 1 :]
    assert (check_character(changed) == right) == (changed == body)


def test_nearly_every_swap_of_neighbours_is_noticed() -> None:
    missed = sum(check_character(a + b) == check_character(b + a) for a in ALPHABET for b in ALPHABET if a < b)
    assert missed <= 2


@pytest.mark.parametrize(("prefix", "length"), KINDS)
def test_a_key_always_gives_the_same_code_and_other_keys_other_codes(prefix: str, length: int) -> None:
    made = [make(prefix, length, "cmd", serial) for serial in range(2_000)]
    assert made == [make(prefix, length, "cmd", serial) for serial in range(2_000)]
    assert len(set(made)) == 2_000
    assert all(len(code) == len(prefix) + length for code in made)


@pytest.mark.parametrize(("prefix", "length"), KINDS)
def test_a_text_of_another_length_or_prefix_or_alphabet_is_no_code(prefix: str, length: int) -> None:
    code = make(prefix, length, 1)
    bare = code.removeprefix(prefix)
    for wrong in (
        "",
        prefix,
        bare,
        code[:-1],
        code + "2",
        code.lower(),
        f" {code}",
        "XX" + bare,
        prefix + "0" * length,
    ):
        assert not is_code(wrong, prefix, length)


def test_an_end_to_end_id_fits_the_trace_number_of_acb() -> None:
    assert len(make(*KINDS[1], "x")) == 15


def test_squeezing_leaves_only_plain_letters_and_digits() -> None:
    assert squeeze("Đặt cọc, phòng đôi – số 7!") == "DATCOCPHONGDOISO7"


@given(st.text(max_size=60))
def test_squeezing_twice_is_squeezing_once(text: str) -> None:
    assert squeeze(squeeze(text)) == squeeze(text)
    assert re.fullmatch("[A-Z0-9]*", squeeze(text))


def valid_again(memo: str) -> str:
    """The sample memo with valid codes in place of the sample's, mangled in the same places and way."""
    for old, new in VALID.items():
        pattern = r"(\W*)".join(old)
        memo = re.sub(pattern, lambda hit, new=new: _spread(new, hit), memo, flags=re.IGNORECASE)  # type: ignore[misc]
    return memo


def _spread(code: str, hit: re.Match[str]) -> str:
    gaps = (*hit.groups(), "")
    text = "".join(character + gap for character, gap in zip(code, gaps, strict=True))
    return text.lower() if hit[0].islower() else text


def in_it(memo: str) -> list[str]:
    """Which of the sample's codes a human finds in a memo."""
    plain = re.sub(r"[^A-Z0-9]", "", memo.upper())
    return [VALID[code] for code in SAMPLE_CODES if code in plain]


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: f"{row[0]}: {row[1][:40]}")
def test_a_code_is_found_in_what_banks_make_of_a_memo_and_nothing_else_is(row: list[str]) -> None:
    memo = row[1]
    assert codes.find_payment_codes(valid_again(memo)) == in_it(memo)
    assert codes.find_end_to_end_ids(memo) == []


def test_the_samples_hold_what_they_are_there_for() -> None:
    found = [codes.find_payment_codes(valid_again(row[1])) for row in SAMPLES]
    assert len(SAMPLES) == 55
    assert sum(len(hits) == 1 for hits in found) == 44
    assert sum(len(hits) == 2 for hits in found) == 1


@pytest.mark.parametrize("row", [row for row in SAMPLES if in_it(row[1])], ids=lambda row: f"{row[0]}: {row[1][:40]}")
def test_one_wrong_character_in_the_memo_means_no_hit(row: list[str]) -> None:
    memo = valid_again(row[1])
    for valid in in_it(row[1]):
        last = valid[-1]
        other = ALPHABET[(ALPHABET.index(last) + 1) % len(ALPHABET)]
        broken = re.sub(r"(\W*)".join(valid[:-1]) + rf"(\W*){last}", valid[:-1] + other, memo, flags=re.IGNORECASE)
        assert valid not in codes.find_payment_codes(broken)


@given(st.integers(0, 10**9), st.sampled_from(KINDS), st.text(max_size=30), st.text(max_size=30))
def test_a_code_glued_into_any_text_is_found(key: int, kind: tuple[str, int], before: str, after: str) -> None:
    code = make(*kind, key)
    assert code in find(before + code.lower() + after, *kind)


@given(st.integers(0, 10**9), st.sampled_from(KINDS), st.text(" .-–/\n_|", max_size=4))
def test_a_code_with_anything_but_letters_and_digits_between_is_found(
    key: int, kind: tuple[str, int], gap: str
) -> None:
    code = make(*kind, key)
    assert find(gap.join(code), *kind) == [code]


def test_two_codes_are_both_found_in_order() -> None:
    made = [make(*KINDS[0], key) for key in range(5)]
    assert find("".join(made), *KINDS[0]) == made
    for first, second in pairwise(made):
        assert find(f"{second}{first}{second}", *KINDS[0]) == [second, first]


def test_a_body_outside_the_alphabet_has_no_check_character() -> None:
    with pytest.raises(KeyError):
        check_character("O")

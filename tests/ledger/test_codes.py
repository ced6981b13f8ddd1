"""Codes survive banks: nothing done to one character makes another code, and known manglings give the code back."""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import pairwise, product
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger import codes
from ledger.codes import ALPHABET, checks, find, is_code, make, squeeze
from ledger.errors import LostRace

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
    """Every character there is in every place of the code, the prefix included."""
    letters = [chr(code) for code in range(33, 127)]
    for key in range(40):
        code = make(prefix, length, key)
        assert is_code(code, prefix, length)
        for place, wrong in product(range(len(code)), letters):
            if wrong != code[place]:
                assert not is_code(code[:place] + wrong + code[place + 1 :], prefix, length)


def neighbours(body: str) -> set[str]:
    """Every other text of the same length that losing one character and gaining one makes of `body`."""
    lost = {body[:at] + body[at + 1 :] for at in range(len(body))}
    gained = {
        short[:at] + character + short[at:] for short in lost for at in range(len(body)) for character in ALPHABET
    }
    return gained - {body}


@pytest.mark.parametrize(("prefix", "length"), KINDS)
def test_no_character_lost_and_gained_turns_a_code_into_another(prefix: str, length: int) -> None:
    """So a code that lost a character does not become another with the bank's next one, nor one that gained one."""
    for key in range(20):
        near = neighbours(make(prefix, length, "near", key).removeprefix(prefix))
        assert len(near) > 1_500
        assert not any(map(checks, near))


@given(st.text(ALPHABET, min_size=8, max_size=13), st.sampled_from(ALPHABET), st.data())
def test_two_texts_that_check_are_never_one_lost_and_one_gained_character_apart(
    body: str, character: str, data: st.DataObject
) -> None:
    """Any text, made into one that checks by its last characters where that can be."""
    ends = [f"{body[:-2]}{one}{two}" for one, two in product(ALPHABET, repeat=2)]
    valid = next((text for text in ends if checks(text)), None)
    assume(valid is not None)
    assert valid is not None
    out, into = data.draw(st.integers(0, len(valid) - 1)), data.draw(st.integers(0, len(valid) - 1))
    short = valid[:out] + valid[out + 1 :]
    changed = short[:into] + character + short[into:]
    assert checks(changed) == (changed == valid)


def test_the_checks_hold_for_every_text_of_three_characters() -> None:
    """All 27,000, each with all its neighbours: what is proven in the paper is true of this code."""
    valid = {text for text in map("".join, product(ALPHABET, repeat=3)) if checks(text)}
    assert len(valid) == 300
    assert all(valid.isdisjoint(neighbours(text)) for text in valid)


def test_a_check_without_its_second_half_would_not_do() -> None:
    """The sum alone lets swapped neighbours pass, and characters lost and gained."""
    body = make(*KINDS[0], "sum").removeprefix(codes.PAYMENT_PREFIX)
    summed = sum(map(ALPHABET.index, body)) % 30
    passed = [text for text in neighbours(body) if sum(map(ALPHABET.index, text)) % 30 == summed]
    swapped = {body[:at] + body[at + 1] + body[at] + body[at + 2 :] for at in range(7)} - {body}
    assert swapped
    assert swapped <= set(passed)
    assert len(passed) > 20


def test_as_many_codes_as_promised_and_none_of_a_repeated_character_or_a_run() -> None:
    """The number of payment codes, counted without making any."""
    counts = Counter({(value, value % 30, 0): 1 for value in range(30)})
    for place in range(1, codes.PAYMENT_LENGTH):
        longer: Counter[tuple[int, int, int]] = Counter()
        for (last, total, steps), ways in counts.items():
            for value in range(30):
                step = place if value >= last else 0
                longer[value, (total + value) % 30, (steps + step) % codes.PAYMENT_LENGTH] += ways
        counts = longer
    fitting = sum(n for (_, total, steps), n in counts.items() if (total, steps) == (codes.SUM, codes.STEPS))
    assert fitting == 2_733_750_000
    for length in (codes.PAYMENT_LENGTH, codes.END_TO_END_LENGTH):
        assert not any(checks(character * length) for character in ALPHABET)
        assert not any(checks(ALPHABET[at : at + length]) for at in range(30 - length + 1))


def test_a_text_that_is_damaged_beyond_one_character_passes_one_time_in_two_hundred() -> None:
    """Then only the odds help: a code cut off, with the bank's own text in the place of its end."""
    dice = Random(7)
    passed = 0
    for key in range(20_000):
        body = make(*KINDS[0], "cut", key).removeprefix(codes.PAYMENT_PREFIX)
        passed += checks(body[:5] + "".join(dice.choices(ALPHABET, k=3)))
    assert passed < 20_000 // 120


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


def test_a_text_outside_the_alphabet_cannot_be_checked() -> None:
    with pytest.raises(KeyError):
        checks("O2345678")


def test_a_make_of_code_that_cannot_be_is_refused() -> None:
    """One character cannot leave a sum and steps of its own."""
    with pytest.raises(LostRace):
        make("X", 1, "key")

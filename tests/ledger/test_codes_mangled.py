"""A hundred thousand transfer texts through what every bank does to them: intact codes are found, no other ever is."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest

from ledger import codes
from tests.ledger.mangling import MODELS, Verdict, deliveries, judge

SEED = 1
TEXTS = 100_000
POOL = [codes.make(codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH, "pool", number) for number in range(5_000)]

Finder = Callable[[str], list[str]]


def judged(find: Finder, count: int, seed: int = SEED) -> Verdict:
    dice = Random(seed)
    return judge(deliveries(seed, count, lambda: dice.choice(POOL)), find)


def test_intact_codes_are_found_and_nothing_else_is() -> None:
    """Both counts are said when it fails, with the texts."""
    verdict = judged(codes.find_payment_codes, TEXTS)
    assert verdict.wrong == []
    assert len(verdict.missed) * 1_000 <= verdict.intact, verdict.missed[:20]
    assert verdict.intact > 75_000
    assert verdict.damaged > 14_000


@pytest.mark.parametrize("bank", MODELS)
def test_each_bank_delivers_texts_of_its_own_in_many_shapes(bank: str) -> None:
    arrived = [text for at, _, text in deliveries(2, 1_200, lambda: POOL[0]) if at == bank]
    assert len(arrived) == 200
    assert len({re.sub("[0-9]+", "", text) for text in arrived}) > 50


def test_our_ids_of_transfer_orders_are_found_as_surely() -> None:
    dice = Random(SEED)
    made = [codes.make(codes.END_TO_END_PREFIX, codes.END_TO_END_LENGTH, "pool", number) for number in range(2_000)]
    verdict = judge(deliveries(SEED, TEXTS // 10, lambda: dice.choice(made)), codes.find_end_to_end_ids)
    assert verdict.missed == verdict.wrong == []
    assert verdict.intact > 7_500


def _by_words(text: str) -> list[str]:
    return [word for word in text.split() if codes.is_code(word, codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH)]


def _without_check(text: str) -> list[str]:
    return re.findall(rf"SOCAI[{codes.ALPHABET}]{{8}}", codes.squeeze(text))


def _by_sum_alone(text: str) -> list[str]:
    return [code for code in _without_check(text) if sum(map(codes.ALPHABET.index, code[5:])) % 30 == codes.SUM]


def test_the_judge_sees_a_matcher_that_trusts_word_boundaries() -> None:
    verdict = judged(_by_words, 2_000)
    assert len(verdict.missed) > verdict.intact // 4
    assert verdict.wrong == []


@pytest.mark.parametrize(("find", "least"), [(_without_check, 100), (_by_sum_alone, 15)])
def test_the_judge_sees_a_matcher_that_checks_too_little(find: Finder, least: int) -> None:
    verdict = judged(find, 2_000)
    assert verdict.missed == []
    assert len(verdict.wrong) > least

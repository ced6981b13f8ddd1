"""Tokens we give the bank, what is no such token, and the checksums of the merchant product."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import timedelta

import pytest

from banks.mb_tokens import LIFE, checksum, checksum_matches, knows_password, made_token, shows_token
from ledger.settings import Secret
from tests.banks.contract import NOW

NEW, OLD = Secret("planted-key-that-is-new"), Secret("planted-key-that-is-old")
ACCESS = Secret("demo-access-key")


def shown(token: str, account: str = "ba_mb", after: timedelta = timedelta(0), scheme: str = "Bearer") -> bool:
    return shows_token({"authorization": f"{scheme} {token}"}, account, (NEW, OLD), NOW + after)


def test_a_token_is_good_for_its_account_until_its_life_is_over() -> None:
    token = made_token("ba_mb", NEW, NOW)
    assert shown(token)
    assert shown(token, scheme="bearer")
    assert shown(token, after=LIFE - timedelta(seconds=1))
    assert not shown(token, after=LIFE)
    assert not shown(token, account="ba_other")


def test_a_token_under_the_older_key_is_good_while_that_key_is() -> None:
    token = made_token("ba_mb", OLD, NOW)
    assert shown(token)
    assert not shows_token({"Authorization": f"Bearer {token}"}, "ba_mb", (NEW,), NOW)


def test_every_changed_character_of_a_token_is_noticed() -> None:
    token = made_token("ba_mb", NEW, NOW)
    for place in range(len(token)):
        for letter in ("A", "b", ".", " "):
            if token[place] != letter:
                assert not shown(token[:place] + letter + token[place + 1 :])


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def made_by_hand(head: object, claims: object, key: str) -> str:
    signed = f"{part(head)}.{part(claims)}"
    signature = hmac.digest(key.encode(), signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("head", "claims", "key"),
    [
        ({"alg": "none", "typ": "JWT"}, {"aud": "ba_mb", "exp": 9_999_999_999}, ""),
        ({"alg": "none", "typ": "JWT"}, {"aud": "ba_mb", "exp": 9_999_999_999}, NEW.reveal()),
        ({"alg": "HS256", "typ": "JWT"}, {"aud": "ba_mb", "exp": 9_999_999_999}, ""),
        ({"alg": "HS256", "typ": "JWT"}, {"aud": "ba_mb", "exp": 9_999_999_999}, "another key"),
    ],
)
def test_a_token_somebody_made_is_none(head: object, claims: object, key: str) -> None:
    assert not shown(made_by_hand(head, claims, key))


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "....", "ế.ế.ế", "a" * 5000, "\ud800"])
def test_what_is_no_token_is_refused_quietly(text: str) -> None:
    assert not shown(text)


def test_a_token_is_shown_as_a_bearer_and_nowhere_else() -> None:
    token = made_token("ba_mb", NEW, NOW)
    for headers in ({}, {"X-Token": f"Bearer {token}"}, {"Authorization": token}, {"Authorization": f"Basic {token}"}):
        assert not shows_token(headers, "ba_mb", (NEW,), NOW)


def basic(text: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {b64encode(text.encode()).decode()}"}


def test_the_bank_proves_itself_by_user_and_password() -> None:
    assert knows_password(basic("mb:pass:word"), "mb", Secret("pass:word"))
    assert knows_password(basic("mb:pass:word", "basic"), "mb", Secret("pass:word"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("mb:wrong"),
        basic("other:pass"),
        basic("mb"),
        basic(":"),
        basic("mb:pass", "Bearer"),
        {"Authorization": "Basic mb:pass"},
        {"Authorization": "Basic"},
        {"Authorization": ""},
        {"X-Authorization": "Basic bWI6cGFzcw=="},
    ],
)
def test_anybody_else_is_refused(headers: dict[str, str]) -> None:
    assert not knows_password(headers, "mb", Secret("pass"))


def test_the_checksums_are_the_published_ones() -> None:
    pushed = ("FT25015000000001", "BILL0001", "20250115103000", "150000")
    assert checksum(pushed, ACCESS) == "1cd7f28f167b69aa7e5a0f0a35cb8e01"
    # checkOrder (3.1.7): the order of its fields is another one, the recipe is the same.
    asked = ("FT25015000000001", "BILL0001", "REF0001", "BLC")
    assert checksum(asked, ACCESS) == "2935508205f6f640a6f9e588661da171"
    written = "FT25015000000001BILL000120250115103000150000demo-access-key"
    assert hashlib.md5(written.encode(), usedforsecurity=False).hexdigest() == checksum(pushed, ACCESS)


def test_a_checksum_matches_under_either_key_and_in_either_case() -> None:
    parts = ("FT25015000000001", "BILL0001", "20250115103000", "150000")
    given = "1cd7f28f167b69aa7e5a0f0a35cb8e01"
    assert checksum_matches(given, parts, (NEW, ACCESS))
    assert checksum_matches(given.upper(), parts, (ACCESS,))
    for wrong in ("", given[:-1], given[:-1] + "2", "x" * 32):
        assert not checksum_matches(wrong, parts, (ACCESS,))
    assert not checksum_matches(given, parts, ())
    assert not checksum_matches("", (), ())

"""Sealed personal data: the same bytes every time, gone with its key, and never in print."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.payouts import RequestPayout
from ledger.errors import KeyUnavailable
from ledger.privacy import ERASED, STOCK, KeysInMemory, Personal, Vault
from tests.story import MASTER_KEY, counted_bytes, dong

NAME = "NGUYỄN VĂN ANH"


def vault(keys: KeysInMemory | None = None, master_key: bytes = MASTER_KEY) -> Vault:
    return Vault(master_key, keys or KeysInMemory(), counted_bytes())


@given(st.text(max_size=80))
def test_what_was_sealed_opens_again_and_is_sealed_the_same_each_time(text: str) -> None:
    one = vault()
    person = one.person("account", "970422", "0001234567890")
    sealed = one.seal(person, Personal(text))
    assert one.open(sealed) == text
    assert one.seal(person, Personal(text)) == sealed
    assert msgspec.json.encode(sealed) == msgspec.json.encode(one.sealer(person)(Personal(text)))


def test_the_same_text_of_two_persons_is_sealed_differently_but_found_by_one_digest() -> None:
    one = vault()
    left, right = (one.seal(one.person("email", who), Personal(NAME)) for who in ("a@x.vn", "b@x.vn"))
    assert left.text != right.text
    assert left.key != right.key
    assert left.digest == right.digest == one.digest(NAME)


def test_a_search_digest_ignores_blanks_and_case_and_belongs_to_the_master_key() -> None:
    one = vault()
    assert one.digest("Nguyễn  Văn\tAnh ") == one.digest(NAME)
    assert one.digest("NGUYEN VAN ANH") != one.digest(NAME)
    assert vault(master_key=bytes(32)).digest(NAME) != one.digest(NAME)


def test_a_person_is_named_by_all_that_names_them_and_not_guessable_without_the_master_key() -> None:
    one = vault()
    names = {one.person(*key) for key in (("a", "bc"), ("ab", "c"), ("abc",), ("a", "b", "c"))}
    assert len(names) == 4
    assert vault(master_key=bytes(32)).person("abc") not in names


def test_an_erased_person_reads_as_erased_and_the_others_stay() -> None:
    one = vault()
    gone, stays = (one.seal(one.person("email", who), Personal(NAME)) for who in ("a@x.vn", "b@x.vn"))
    assert one.erase(gone.person) is True
    assert one.erase(gone.person) is False
    assert one.open(gone) == ERASED
    assert one.open(stays) == NAME


def test_a_person_erased_and_met_again_has_a_new_key_and_the_old_text_stays_erased() -> None:
    one = vault()
    person = one.person("email", "a@x.vn")
    old = one.seal(person, Personal(NAME))
    one.erase(person)
    new = one.seal(person, Personal(NAME))
    assert new.key != old.key
    assert new.text != old.text
    assert (one.open(old), one.open(new)) == (ERASED, NAME)


def test_with_another_master_key_nothing_opens_and_nothing_is_called_erased() -> None:
    keys = KeysInMemory()
    sealed = vault(keys).seal("person_1", Personal(NAME))
    stranger = vault(keys, master_key=bytes(32))
    for attempt in (lambda: stranger.open(sealed), lambda: stranger.seal("person_1", Personal(NAME))):
        with pytest.raises(KeyUnavailable) as refusal:
            attempt()
        assert NAME not in str(refusal.value)


def test_sealed_bytes_put_under_another_person_do_not_open() -> None:
    one = vault()
    mine, yours = one.seal("person_1", Personal(NAME)), one.seal("person_2", Personal("TRAN THI BINH"))
    with pytest.raises(KeyUnavailable):
        one.open(msgspec.structs.replace(mine, text=yours.text))
    with pytest.raises(KeyUnavailable):
        one.open(msgspec.structs.replace(mine, person=yours.person, key=yours.key))


def test_sealed_bytes_moved_to_another_person_even_with_the_key_do_not_open() -> None:
    keys = KeysInMemory()
    one = vault(keys)
    mine = one.seal("person_1", Personal(NAME))
    wrapped = keys.find("person_1")
    assert wrapped is not None
    keys.keep("person_2", wrapped)
    with pytest.raises(KeyUnavailable):
        one.open(msgspec.structs.replace(mine, person="person_2"))


@pytest.mark.parametrize("place", [0, 15, 16, -1])
def test_one_altered_byte_is_refused(place: int) -> None:
    one = vault()
    sealed = one.seal("person_1", Personal(NAME))
    altered = bytearray(b64decode(sealed.text))
    altered[place] ^= 1
    with pytest.raises(KeyUnavailable):
        one.open(msgspec.structs.replace(sealed, text=b64encode(altered).decode()))


@pytest.mark.parametrize("text", ["", "####", "AAAA"])
def test_text_that_is_no_sealed_text_is_refused(text: str) -> None:
    one = vault()
    sealed = one.seal("person_1", Personal(NAME))
    with pytest.raises(KeyUnavailable):
        one.open(msgspec.structs.replace(sealed, text=text))


def test_nothing_opens_as_nothing() -> None:
    assert vault().open(None) == ""


def test_of_two_first_keys_for_one_person_the_first_stands_for_both() -> None:
    keys = KeysInMemory()
    left, right = vault(keys), Vault(MASTER_KEY, keys, lambda length: b"\7" * length)
    sealed = left.seal("person_1", Personal(NAME))
    assert right.seal("person_1", Personal(NAME)) == sealed
    assert keys.keep("person_1", b"another") == keys.find("person_1") != b"another"


def test_the_kept_key_is_wrapped_and_not_the_key_itself() -> None:
    keys = KeysInMemory()
    Vault(MASTER_KEY, keys, lambda length: b"\7" * length).seal("person_1", Personal(NAME))
    wrapped = keys.find("person_1")
    assert wrapped is not None
    assert b"\7\7\7\7" not in wrapped


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_master_key_of_another_length_is_refused_without_showing_it(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes") as refusal:
        vault(master_key=b"k" * length)
    assert "kkkk" not in str(refusal.value)


def test_nothing_personal_and_no_key_is_ever_printed() -> None:
    command = RequestPayout(
        merchant_id="mer_1",
        amount=dong(5),
        beneficiary_bin="970422",
        beneficiary_account=Personal("0001234567890"),
        beneficiary_name=Personal(NAME),
        memo="luong",
    )
    one = vault()
    printed = f"{command} {command!r} {Personal(NAME)} {Personal(NAME)!r} {[Personal(NAME)]} {one} {one!r}"
    printed += repr(one.seal("person_1", Personal(NAME)))
    for secret in (NAME, "0001234567890", MASTER_KEY.hex(), repr(MASTER_KEY)):
        assert secret not in printed


def test_each_stranger_is_a_person_of_their_own_whose_key_is_kept_before_it_is_used() -> None:
    keys = KeysInMemory()
    one = vault(keys)
    sealed = [one.stranger()(Personal(NAME)) for _ in range(200)]
    assert len({(found.person, found.key, found.text) for found in sealed}) == len(sealed)
    assert len({found.digest for found in sealed}) == 1
    again = vault(keys)
    assert [again.open(found) for found in sealed] == [NAME] * len(sealed)
    again.erase(sealed[7].person)
    assert [number for number, found in enumerate(sealed) if again.open(found) == ERASED] == [7]


@pytest.mark.parametrize("used", [1, 2, 5, 40, 300])
def test_keys_of_strangers_are_made_in_vain_for_as_many_as_came_at_most(used: int) -> None:
    keys = KeysInMemory()
    one = vault(keys)
    for _ in range(used):
        one.stranger()
    assert used <= len(list(keys.everyone())) <= used + min(used, STOCK)


def test_a_stranger_whose_key_cannot_be_kept_seals_nothing() -> None:
    class Away(KeysInMemory):
        def keep_all(self, keys: Mapping[str, bytes]) -> None:
            raise KeyUnavailable("The person keys cannot be reached; try again.")

    one = vault(Away())
    for _ in range(2):
        with pytest.raises(KeyUnavailable):
            one.stranger()

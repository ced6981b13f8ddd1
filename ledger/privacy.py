"""Personal data in the log: sealed under a key per person, so that forgetting the person is throwing one key away.

A name, an account number or a transfer text is sealed with AES-SIV (RFC 5297): deterministic, so the same command gives
the same stored bytes. The person's key is random, wrapped by a master key (RFC 3394) and kept outside the log. A keyed
digest stands beside the sealed text for equality search. When the key is gone the text reads "[erased]"; amounts,
totals and hashes stay what they were.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from ledger.errors import KeyUnavailable
from ledger.ids import derive

ERASED: Final = "[erased]"
_KEY_BYTES: Final = 64

STOCK: Final = 64
"""Keys of strangers that are made together, in the end."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A sealed text as it stands in events and tables.

    `person`: whose key; `key`: which key of theirs, since one may have been thrown away and another made; `text`: the
    sealed bytes (base64); `digest`: keyed digest for equality search (hex).
    """

    person: str
    key: str
    text: str
    digest: str


class Personal(msgspec.Struct, frozen=True):
    """A personal datum on its way to be sealed: it hides itself when printed."""

    text: str

    def __repr__(self) -> str:
        return "Personal(…)"

    __str__ = __repr__


Sealer = Callable[[Personal], Sealed]
"""Seals texts of one person."""


class PersonKeys(Protocol):
    """Where wrapped keys are kept: outside the log, so that one can be thrown away."""

    def find(self, person: str) -> bytes | None:
        """The wrapped key of this person, or None when there is none (any more)."""

    def keep(self, person: str, wrapped: bytes) -> bytes:
        """Keep this key unless there is one already; the key that stands afterwards. Durable when it returns."""

    def forget(self, person: str) -> bool:
        """Throw the key away for good; whether there was one."""

    def everyone(self) -> Iterator[tuple[str, bytes]]:
        """Every person and wrapped key, in no order; those that come or go meanwhile may be among them or not."""

    def found(self, persons: Sequence[str]) -> dict[str, bytes]:
        """The wrapped keys of those of these persons that have one."""

    def keep_all(self, keys: Mapping[str, bytes]) -> None:
        """Keep each of these keys unless its person has one already. Durable when it returns."""


class KeysInMemory:
    """Person keys in a dict: for what runs in memory."""

    def __init__(self) -> None:
        self._wrapped: dict[str, bytes] = {}

    def find(self, person: str) -> bytes | None:
        """See PersonKeys."""
        return self._wrapped.get(person)

    def keep(self, person: str, wrapped: bytes) -> bytes:
        """See PersonKeys."""
        return self._wrapped.setdefault(person, wrapped)

    def forget(self, person: str) -> bool:
        """See PersonKeys."""
        return self._wrapped.pop(person, None) is not None

    def everyone(self) -> Iterator[tuple[str, bytes]]:
        """See PersonKeys."""
        yield from list(self._wrapped.items())

    def found(self, persons: Sequence[str]) -> dict[str, bytes]:
        """See PersonKeys."""
        return {person: self._wrapped[person] for person in persons if person in self._wrapped}

    def keep_all(self, keys: Mapping[str, bytes]) -> None:
        """See PersonKeys."""
        for person, wrapped in keys.items():
            self.keep(person, wrapped)


class Vault:
    """Seals and opens personal data.

    `master_key`: 32 bytes. `token`: a source of random bytes (used for new person keys only). Raises ValueError for a
    master key of another length.
    """

    def __init__(self, master_key: bytes, keys: PersonKeys, token: Callable[[int], bytes]) -> None:
        if len(master_key) != 32:
            raise ValueError("The master key must be 32 bytes; make one with: head -c 32 /dev/urandom | base64")
        self._wrapping = hmac.digest(master_key, b"socai person key wrapping", "sha256")
        self._searching = hmac.digest(master_key, b"socai search digest", "sha256")
        self._keys = keys
        self._token = token
        self._stock: deque[tuple[str, bytes]] = deque()
        self._made = 0

    def __repr__(self) -> str:
        return "Vault(…)"

    def person(self, *natural_key: str) -> str:
        """The id of a person by what names them (a bank and account number, an e-mail): keyed, so not guessable."""
        digest = hmac.digest(self._searching, msgspec.json.encode(natural_key), "sha256")
        return derive("person", digest.hex())

    def seal(self, person: str, text: Personal) -> Sealed:
        """`text` sealed under the key of `person`, which is made when there is none."""
        return self.sealer(person)(text)

    def sealer(self, person: str) -> Sealer:
        """What seals several texts of one person while the key is looked up once."""
        return self._with_key(person, self._key(person) or self._new_key(person))

    def stranger(self) -> Sealer:
        """The same for a person of whom nothing else is known: one of their own, whose key is on record already.

        Keys of strangers are made many at once and in advance, since keeping one takes as long as keeping an event.
        """
        try:
            person, key = self._stock.popleft()
        except IndexError:
            # One process makes at most as many in vain as it has used.
            self._made = min(max(1, 2 * self._made), STOCK)
            fresh = {derive("person", self._token(32).hex()): self._token(_KEY_BYTES) for _ in range(self._made)}
            self._keys.keep_all({one: aes_key_wrap(self._wrapping, made) for one, made in fresh.items()})
            (person, key), *others = fresh.items()
            self._stock.extend(others)
        return self._with_key(person, key)

    def _with_key(self, person: str, key: bytes) -> Sealer:
        cipher, key_id = AESSIV(key), _key_id(key)

        def seal(text: Personal) -> Sealed:
            sealed = b64encode(cipher.encrypt(text.text.encode(), [person.encode()])).decode()
            return Sealed(person=person, key=key_id, text=sealed, digest=self.digest(text.text))

        return seal

    def open(self, sealed: Sealed | None) -> str:
        """The text again, or "[erased]" when the person's key was thrown away; "" for None.

        Raises KeyUnavailable when the key is there and does not fit (another master key, altered bytes).
        """
        if sealed is None:
            return ""
        key = self._key(sealed.person)
        if key is None or _key_id(key) != sealed.key:
            return ERASED
        try:
            return AESSIV(key).decrypt(b64decode(sealed.text), [sealed.person.encode()]).decode()
        except (InvalidTag, ValueError) as error:
            raise KeyUnavailable("Sealed data does not open with the key of its person.") from error

    def digest(self, text: str) -> str:
        """Keyed digest for equality search: blanks and case do not count."""
        plain = " ".join(text.split()).casefold()
        return hmac.new(self._searching, plain.encode(), hashlib.sha256).hexdigest()[:32]

    def erase(self, person: str) -> bool:
        """Throw the key of this person away: everything sealed under it reads "[erased]" from now on."""
        return self._keys.forget(person)

    def _key(self, person: str) -> bytes | None:
        wrapped = self._keys.find(person)
        return None if wrapped is None else self._unwrap(wrapped)

    def _new_key(self, person: str) -> bytes:
        wrapped = aes_key_wrap(self._wrapping, self._token(_KEY_BYTES))
        return self._unwrap(self._keys.keep(person, wrapped))

    def _unwrap(self, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping, wrapped)
        except InvalidUnwrap as error:
            raise KeyUnavailable("A person key does not open with this master key; check SOCAI_MASTER_KEY.") from error


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"socai key id" + key).hexdigest()[:16]

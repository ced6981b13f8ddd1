"""Moving a log: every event at its own position, from any store to any other, compared byte for byte, resumed at will.

Positions are contiguous from 1, so what is appended in order to an empty log gets the positions it had. The target is
always a beginning of the source, whenever and however the copying was ended; going on means to compare what stands
there and to append the rest. No notes are kept beside the logs.

The source may grow meanwhile. Its head is looked at when the copying begins and once more when that head was reached;
the second head is where the copy ends. What is appended to the source later needs another run: stop the writers, run
again (only the rest is copied, all of it is compared), and start the writers on the target.

Wrapped person keys go along, after the events, since a key is always kept before the first event that needs it.
Snapshots do not: they are an economy, and are taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

import msgspec
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from ledger.errors import CopyRefused, LogCutShort
from ledger.event_log import EventLog, Recorded
from ledger.privacy import PersonKeys

READ: Final = 2_000
"""Events read at a time; two such sections of each log are held in memory."""

EVENTS_MAX: Final = 100
"""Events in one append. MongoDB keeps an append as one document and reads all of it for any event in it, so this is
what a copied log costs its readers; ten times as many copied 1.7 times as fast."""

BYTES_MAX: Final = 2 * 1024 * 1024
"""Bytes in one append of several events."""

ATTEMPTS: Final = 5
"""Times an append is tried while the target is away; the target's head says each time whether it is there."""

KEYS: Final = 500
"""Person keys moved or compared at a time."""

Told = Callable[[str, int, int], None]
"""Is told what is being done, the position reached and the position aimed at."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy came to. `events` and `size` (bytes of their states) were appended now, `head` is compared up to."""

    events: int
    size: int
    head: int


def copy(source: EventLog, target: EventLog, told: Told) -> Copied:
    """Make `target` equal to `source` up to the head described above, and compare all of it.

    Raises CopyRefused when the target holds anything else than a beginning of the source, when somebody else writes
    into it, or when the comparison fails; the persistence errors of both logs, after which it may be run again.
    """
    begun = target.head()
    _must_not_be_longer(begun, source.head())
    compare(source, target, after=0, upto=begun, told=told)
    reached, size = begun, 0
    for _ in range(2):
        head = source.head()
        size += sum(_copied(source, target, after=reached, upto=head, told=told))
        reached = head
    compare(source, target, after=begun, upto=reached, told=told)
    if target.head() != reached:
        raise _another_writer(reached + 1)
    return Copied(events=reached - begun, size=size, head=reached)


def verify(source: EventLog, target: EventLog, told: Told) -> Copied:
    """Compare the whole of two logs up to the source's present head; raises CopyRefused where they differ."""
    head, stands = source.head(), target.head()
    compare(source, target, after=0, upto=min(head, stands), told=told)
    _must_not_be_longer(stands, source.head())
    if stands < head:
        raise CopyRefused(
            f"The target is equal to the source up to position {stands} and lacks {head - stands} events behind it:"
            " run the copy (again).",
            position=stands + 1,
        )
    return Copied(events=0, size=0, head=head)


def compare(source: EventLog, target: EventLog, *, after: int, upto: int, told: Told) -> None:
    """Raises CopyRefused at the first position behind `after`, up to `upto`, where the two do not hold the same."""
    for ours, theirs in zip(_sections(source, after, upto), _sections(target, after, upto), strict=True):
        if ours != theirs:
            raise _differs(*next(pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]))
        told("comparing", ours[-1].position, upto)


def copy_keys(source: PersonKeys, target: PersonKeys, told: Told, *, forget: bool = False) -> int:
    """Bring every person key of `source` to `target`, and compare; how many there are.

    Raises CopyRefused when the target holds another key of a person, or one of a person that the source has forgotten
    (unless `forget`: then it is forgotten there too). Never replaces a key. Raises KeyUnavailable.
    """
    copied = 0
    for keys in _batches(source.everyone()):
        _must_be_equal(keys, target.found(list(keys)), only_known=True)
        target.keep_all(keys)
        _must_be_equal(keys, target.found(list(keys)))
        copied += len(keys)
        told("copying person keys", copied, copied)
    for person in list(_forgotten(source, target)) if forget else ():
        target.forget(person)
    verify_keys(source, target)
    return copied


def verify_keys(source: PersonKeys, target: PersonKeys) -> int:
    """Compare the person keys of two stores; how many there are. Raises CopyRefused, KeyUnavailable."""
    compared = 0
    for keys in _batches(source.everyone()):
        _must_be_equal(keys, target.found(list(keys)))
        compared += len(keys)
    forgotten = sum(1 for _ in _forgotten(source, target))
    if forgotten:
        raise CopyRefused(
            f"The target holds the keys of {forgotten} persons that the source does not have: persons who were erased"
            " since an earlier copy, if the target is in nobody's use. Run the copy with --forget-erased to throw these"
            " keys away there too.",
            keys=forgotten,
        )
    return compared


def _copied(source: EventLog, target: EventLog, *, after: int, upto: int, told: Told) -> Iterator[int]:
    """Appends the events with after < position <= upto; gives the bytes of each append."""
    for rows in _sections(source, after, upto):
        for portion in _portions(rows):
            _append(target, portion)
            yield sum(len(row.state) for row in portion)
        told("copying", rows[-1].position, upto)


def _sections(log: EventLog, after: int, upto: int) -> Iterator[list[Recorded]]:
    """The events with after < position <= upto, READ at a time; the next are fetched while these are worked on."""
    if after >= upto:
        return
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(log.read, after, min(READ, upto - after))
        while rows := coming.result():
            after = rows[-1].position
            if after == upto:
                yield rows
                return
            coming = ahead.submit(log.read, after, min(READ, upto - after))
            yield rows
    raise LogCutShort(
        f"The log ends at position {after}, and a moment ago it went up to {upto}. Find out who cuts it, then begin"
        " again.",
        position=after,
    )


def _portions(rows: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    portion: list[Recorded] = []
    size = 0
    for row in rows:
        if portion and (len(portion) == EVENTS_MAX or size + len(row.state) > BYTES_MAX):
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += len(row.state)
    yield portion


def _append(target: EventLog, rows: Sequence[Recorded]) -> None:
    """Append at exactly these positions, through passing troubles of the target; what stands there decides."""
    events = [StoredEvent(row.stream, row.version, row.name, row.state) for row in rows]
    first, last = rows[0].position, rows[-1].position
    trouble: OperationalError | None = None
    for _ in range(ATTEMPTS):
        try:
            if target.append(events) != list(range(first, last + 1)):
                raise _another_writer(first)
            return
        except OperationalError as error:
            trouble = error
        except IntegrityError as error:
            # After a lost answer it may be our own append that was there first; the comparison will tell.
            if trouble is None or target.head() != last:
                raise _another_writer(first) from error
            return
        if _stands(target, first, last):
            return
    if trouble is not None:
        raise trouble


def _stands(target: EventLog, first: int, last: int) -> bool:
    """Whether an append without an answer is there; False when it is not, or when nobody can say so now."""
    try:
        head = target.head()
    except OperationalError:
        return False
    if head not in (first - 1, last):
        raise _another_writer(first)
    return head == last


def _another_writer(position: int) -> CopyRefused:
    return CopyRefused(
        f"Somebody else writes into the target: position {position} was not free for the copy, or a version of its"
        " streams was taken. Stop whoever writes there, and begin again with an empty target. (When nobody does, the"
        " source itself may hold a version twice: python -m ledger check)",
        position=position,
    )


def _must_not_be_longer(stands: int, head: int) -> None:
    if stands > head:
        raise CopyRefused(
            f"The target goes up to position {stands}, the source only up to {head}: the target is another log, or in"
            " use already. Nothing was written. Name an empty target, or exchange the two addresses.",
            position=head + 1,
        )


def _differs(ours: Recorded, theirs: Recorded) -> CopyRefused:
    names = [field for field in Recorded.__struct_fields__ if getattr(ours, field) != getattr(theirs, field)]
    return CopyRefused(
        f"At position {ours.position} the target holds another event than the source: {' and '.join(names)} differ. The"
        " target is another log, or was changed. Name an empty target; to see both:"
        f" python -m ledger events --after {ours.position - 1} --limit 1",
        position=ours.position,
    )


def _batches(keys: Iterator[tuple[str, bytes]]) -> Iterator[dict[str, bytes]]:
    while batch := dict(islice(keys, KEYS)):
        yield batch


def _must_be_equal(keys: Mapping[str, bytes], found: Mapping[str, bytes], *, only_known: bool = False) -> None:
    for person, wrapped in keys.items():
        if person not in found and only_known:
            continue
        if found.get(person) != wrapped:
            raise CopyRefused(
                f"The target holds {'another key' if person in found else 'no key'} of {person}, so what is sealed for"
                " that person could not be read there. No key was replaced. Copy into a database that is empty, keys"
                " included.",
                person=person,
            )


def _forgotten(source: PersonKeys, target: PersonKeys) -> Iterator[str]:
    """The persons whose key stands in the target and not in the source."""
    for keys in _batches(target.everyone()):
        known = source.found(list(keys))
        yield from (person for person in keys if person not in known)

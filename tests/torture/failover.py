"""Trial (c): writers and followers at a replica set of three nodes whose primary is killed, paused, deposed, cut off.

Nothing that was acknowledged may be missing, nothing may be doubled, no position left out; what a follower saw is never
taken back. "Cut off" is the fault that a write concern weaker than a majority does not survive: both secondaries die,
the primary alone goes on for a while, then dies too, and the others come back without it.
"""

from __future__ import annotations

from threading import Event

from local.mongodb import ReplicaSet
from tests.torture.disturbed import Faults, Size

NAME = "failover"

ELECTION_MS = 1_500
"""How long the nodes wait for a silent primary; a fault that must cause an election takes twice as long."""

SHORT = Size(faults=5, calm_s=(0.5, 1.5), hold_s=(0.3, 1.0))
FULL = Size()


def faults_of(mongo: ReplicaSet) -> Faults:
    """Everything that can be done to these three nodes."""
    hurt = Hurt(mongo)
    return {
        "kill": hurt.kill,
        "pause": hurt.pause,
        "depose": hurt.depose,
        "cut off": hurt.cut_off,
        "isolate": hurt.isolate,
    }


class Hurt:
    """The faults; each returns when all nodes run again and one of them takes writes."""

    def __init__(self, mongo: ReplicaSet) -> None:
        self._mongo = mongo

    def kill(self, hold_s: float) -> None:
        """The primary ends at once; it comes back on its data."""
        node = self._mongo.wait_for_primary()
        node.kill()
        Event().wait(hold_s)
        node.start()
        self._mongo.wait_for_primary()

    def pause(self, hold_s: float) -> None:
        """The primary freezes for longer than an election takes, and wakes believing that it still is one."""
        node = self._mongo.wait_for_primary()
        node.pause()
        Event().wait(hold_s + 2 * ELECTION_MS / 1_000)
        node.resume()
        self._mongo.wait_for_primary()

    def depose(self, hold_s: float) -> None:
        """The primary steps down."""
        self._mongo.wait_for_primary().step_down(2 + int(hold_s))
        self._mongo.wait_for_primary()

    def cut_off(self, hold_s: float) -> None:
        """Both secondaries die, then the primary; the secondaries come back first and elect one of themselves.

        They die rather than freeze: what the primary had sent them would wait in their sockets and still be applied.
        """
        node = self._mongo.wait_for_primary()
        others = [other for other in self._mongo.nodes if other is not node]
        for other in others:
            other.kill()
        Event().wait(hold_s)
        node.kill()
        for other in others:
            other.launch()
        self._mongo.wait_for_primary(within_s=60.0)
        node.start()
        self._mongo.wait_for_primary()

    def isolate(self, hold_s: float) -> None:
        """Both secondaries freeze for so long that the primary gives up; then they come back."""
        node = self._mongo.wait_for_primary()
        others = [other for other in self._mongo.nodes if other is not node]
        for other in others:
            other.pause()
        Event().wait(hold_s + 2 * ELECTION_MS / 1_000)
        for other in others:
            other.resume()
        self._mongo.wait_for_primary(within_s=60.0)

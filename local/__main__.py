"""`python -m local up|start|down|status|doctor|needs`: what `./socai` calls once the virtual environment is there."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from local.environment import Stage, event_store, prepare, read
from local.found import FINDERS, ServerMissing
from local.parts import MARK, marked, whole
from local.processes import NotReady, Process, alive, tail
from local.supervise import ROOT, code_digest, holder

READY_WITHIN_S = 90.0
GENTLY_WITHIN_S = 45.0


class PartStatus(TypedDict):
    """One part, as the supervisor wrote it."""

    pids: list[int]
    ready: bool
    restarts: int


class Status(TypedDict):
    """The whole stage, as the supervisor wrote it."""

    code: str
    complete: bool
    parts: dict[str, PartStatus]


def up(stage: Stage) -> int:
    """Bring the stage up (or see that it is), run the demo on it, print the addresses. Leaves everything running."""
    stand(stage)
    command = [sys.executable, "-m", "local.demo"]
    shown = subprocess.run(command, cwd=stage.root, env=whole(stage, read(stage)), check=False)
    print(f"\n{addresses(read(stage))}")
    return shown.returncode


def start_only(stage: Stage) -> int:
    """The same without the demo."""
    stand(stage)
    print(addresses(read(stage)))
    return 0


def stand(stage: Stage) -> None:
    """Bring the stage up, or see that it is up with the code of today. Raises NotReady."""
    began = time.monotonic()
    event_store(stage, os.environ)
    stage.run.mkdir(exist_ok=True)
    if holder(stage) and status(stage)["code"] not in ("", code_digest(stage.root)):
        print("The code has changed: starting again.")
        down(stage)
    if holder(stage) is None:
        started = start_supervisor(stage)
        wait_until_ready(stage, lambda: not started.running)
    else:
        wait_until_ready(stage, lambda: holder(stage) is None)
    print(f"Everything runs after {time.monotonic() - began:.1f} s.\n", flush=True)


def start_supervisor(stage: Stage) -> Process:
    """Start a supervisor where there is none, after clearing away what a killed one may have left."""
    sweep(stage)
    prepare(stage, os.environ)
    stage.status_file.unlink(missing_ok=True)
    stage.log("supervisor").unlink(missing_ok=True)
    command = [sys.executable, "-m", "local.supervise"]
    environment = os.environ | {MARK: str(stage.run)}
    log = stage.log("supervisor")
    return Process("supervisor", command, log, environment=environment, outlives_parent=True).start()


def down(stage: Stage) -> int:
    """Stop everything of this stage, gently then firmly, and whatever a killed supervisor left behind."""
    supervisor = holder(stage)
    if supervisor is not None:
        os.kill(supervisor, signal.SIGTERM)
        if not within(GENTLY_WITHIN_S, lambda: not alive(supervisor)):
            os.kill(supervisor, signal.SIGKILL)
    swept = sweep(stage)
    print("Stopped." if supervisor or swept else "Nothing was running.")
    return 0


def sweep(stage: Stage) -> int:
    """End every process that carries the mark of this stage; how many there were."""
    left = marked(stage)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in marked(stage):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        within(5, lambda: not marked(stage))
    return len(left)


def wait_until_ready(stage: Stage, gone: Callable[[], bool]) -> None:
    """Print each part as it becomes ready. Raises NotReady, with the end of the log that tells why, when one does not.

    `gone` says whether the supervisor has ended.
    """
    shown: set[str] = set()
    began = time.monotonic()

    def all_ready() -> bool:
        now = status(stage)
        for name, part in now["parts"].items():
            if part["ready"] and name not in shown:
                shown.add(name)
                print(f"  {name:<24} {time.monotonic() - began:5.1f} s", flush=True)
        return now["complete"] and all(part["ready"] for part in now["parts"].values())

    in_time = within(READY_WITHIN_S, lambda: all_ready() or gone())
    if gone():
        raise NotReady(f"The stage did not come up.\n{tail(stage.log('supervisor'), 30)}")
    if not in_time:
        late = [name for name, part in status(stage)["parts"].items() if not part["ready"]]
        logs = "\n".join(f"--- {name}\n{tail(stage.log(name))}" for name in late)
        raise NotReady(f"Not ready within {READY_WITHIN_S:g} s: {', '.join(late)}.\n{logs}")


def status(stage: Stage) -> Status:
    """What the supervisor wrote last; nothing at all before it wrote."""
    try:
        found: Status = json.loads(stage.status_file.read_text())
    except FileNotFoundError:
        return Status(code="", complete=False, parts={})
    return found


def show_status(stage: Stage) -> int:
    """Print every part with its state; 1 when the stage is not up."""
    if holder(stage) is None:
        print("The stage is down; ./socai up starts it.")
        return 1
    for name, part in status(stage)["parts"].items():
        state = "ready" if part["ready"] else "not ready"
        print(f"  {name:<24} {state:<10} pid {part['pids']} restarted {part['restarts']} times")
    return 0


def doctor(stage: Stage) -> int:
    """Print what this machine has: Python, servers with versions, addresses given, the state of the stage."""
    print(f"  python   {sys.version.split()[0]}  {sys.executable}")
    missing = 0
    for kind, find in FINDERS.items():
        try:
            print(f"  {kind:<8} {version_of(find())}")
        except ServerMissing as fault:
            missing += 1
            print(f"  {kind:<8} missing. {fault}")
    for name in ("EVENT_STORE_URL", "SOCAI_MONGO_URL", "SOCAI_MYSQL_URL", "SOCAI_REDIS_URL"):
        print(f"  {name:<16} {'given' if os.environ.get(name) else 'not given: our own server is used'}")
    show_status(stage)
    return 1 if missing else 0


def needs(stage: Stage) -> int:
    """Print which servers `up` must find on this machine, in the words of `local/found.py`."""
    store = event_store(stage, os.environ)
    wanted = {"mongodb": ["mongod"], "mysql": ["mysql"]}.get(store, [])
    wanted += [] if os.environ.get("SOCAI_REDIS_URL") else ["redis"]
    print(*wanted)
    return 0


def version_of(binary: Path) -> str:
    """A server binary with the first line of what it says about its version."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout.splitlines()
    return f"{said[0] if said else 'does not say its version'}  {binary}"


def addresses(values: dict[str, str]) -> str:
    """Where everything is, without passwords."""

    def shown(name: str) -> str:
        return re.sub(r"(://[^:/@]+):[^@/]*@", r"\1@", values[name])

    return "\n".join(
        (
            f"  web               {values['SOCAI_PUBLIC_URL']}",
            f"  bank lab          http://127.0.0.1:{values['SOCAI_SIMULATOR_CONTROL_PORT']}",
            f"  event store       {shown('EVENT_STORE_URL')}",
            f"  read tables       {shown('READ_TABLES_URL')}",
            f"  queues            {values['REDIS_URL']}",
            "  logs, keys, data  .run/log, .run/secrets, .run",
            "  stop it with      make down",
        )
    )


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Poll until the condition is true; false when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


VERBS: dict[str, Callable[[Stage], int]] = {
    "up": up,
    "start": start_only,
    "down": down,
    "status": show_status,
    "doctor": doctor,
    "needs": needs,
}


def main() -> int:
    """Run one verb; a fault is a sentence on stderr and exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    verb = VERBS[parser.parse_args().verb]
    try:
        return verb(Stage(ROOT))
    except (NotReady, ServerMissing) as fault:
        print(fault, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

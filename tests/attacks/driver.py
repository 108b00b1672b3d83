"""Runs all attacks in one configuration and writes what came of them, for tests/test_attacks.py to look at.

    python -m tests.attacks.driver --level namespaces --policy sandbox-only --home HOME --out results.json
    python -m tests.attacks.driver --outside --out results.json

The first opens one interpreter with small limits and runs every attack in it, a few at a time, while another user's cell
with secrets of its own is running and a third user's small calls show whether anybody suffers. The second runs them
without any sandbox, to see that they bite.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from plugin import ExecutionResult, Interpreter
from plugin.errors import CellblockError

from ..refusing import NAMESPACES_REFUSED, launchers_refused
from . import naive
from .attack import JUDGES, Attack, Seen, says
from .bombs import own_files
from .catalogue import ATTACKS
from .victims import Victims

MiB = 1024**2
LIMITS = {
    "memory_bytes": 128 * MiB,
    "work_bytes": 16 * MiB,
    "work_inodes": 2048,
    "max_open_files": 128,
    "max_output_bytes": 100_000,
    "pool_max": 10,
    "per_user_running": 6,
}
AT_ONCE = 6
CANARY_EVERY = 10
CANARY_SECONDS = 10.0  # for a call that takes milliseconds, on a machine that attacks keep busy
AT_ONCE_BYTES = 2048 * MiB  # what level landlock, which looks every tenth of a second, must not be too late for
WATCHES = 50_000  # of epoll, that one cell may take from all that its uid has
GRACE_SECONDS = 6.0  # after a cell's timeout: a second to SIGKILL, and the same busy machine
OUTSIDE_AT_ONCE = 3
RESULT_BYTES = 64 * 1024  # of an error text that is still one

Rows = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--outside", action="store_true")
    parser.add_argument("--level", default="namespaces")
    parser.add_argument("--policy", default="sandbox-only")
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="", help="run the attacks whose names hold this")
    arguments = parser.parse_args()
    attacks = [attack for attack in ATTACKS if arguments.only in (attack.category, "") or arguments.only in attack.name]
    if arguments.outside:
        report = run_outside(attacks)
    else:
        # Of two levels a host gives the stronger one: the weaker is met where namespaces are refused.
        refused = () if arguments.level == "namespaces" else NAMESPACES_REFUSED
        with launchers_refused(*refused):
            report = asyncio.run(Inside(arguments.home, arguments.level, arguments.policy).run(attacks))
    arguments.out.write_text(json.dumps(report, indent=1))


# ---- outside


def run_outside(attacks: list[Attack]) -> dict[str, Any]:
    """Every attack that may, against victims of its own, in a few processes at once."""
    waiting = [attack for attack in attacks if attack.bites is True and (os.geteuid() == 0 or not attack.privileged)]
    parts = [waiting[start::OUTSIDE_AT_ONCE] for start in range(OUTSIDE_AT_ONCE)]
    rows: Rows = {}
    with naive.own_directory() as directory:
        children = {}
        for number, part in enumerate(parts):
            pid = os.fork()
            if pid == 0:
                _outside_part(part, Path(directory, str(number)))
            children[pid] = Path(directory, str(number))
        for pid, path in children.items():
            os.waitpid(pid, 0)
            rows |= json.loads(path.read_text())
    return {"attacks": rows}


def _outside_part(attacks: list[Attack], out: Path) -> None:
    status = 1
    try:
        rows = {attack.name: outside(attack) for attack in attacks}
        out.write_text(json.dumps(rows))
        status = 0
    except BaseException:  # noqa: BLE001 - the outermost boundary of a forked process
        traceback.print_exc()
    finally:
        os._exit(status)


def outside(attack: Attack) -> dict[str, Any]:
    """One attack, without a sandbox."""
    with Victims(Path(tempfile.gettempdir())) as victims:
        known = victims.known | {
            "inside": False,
            "enough_bytes": 24 * MiB,
            "enough_disk": 4 * MiB,
            "enough_at_once": 16 * MiB,
            "enough_files": 300,
            "enough_watches": 1000,
            "enough_descriptors": 400,
        }

        def second(planted: str) -> str:
            return attack.source(known | {"planted": planted}, attack.then)

        seen = naive.run((attack.source(known), second if attack.then else None), attack.timeout)
        if attack.wins != "says":
            seen.harm += [f"changed: {change}" for change in victims.changes()]
        # What checks for itself must have said so: that it did not end in time proves nothing then.
        return seen.as_row(JUDGES[attack.wins](seen) and (says(seen) or "win(" not in attack.code + attack.then))


# ---- inside


class Inside:
    """One interpreter, and those who use it."""

    def __init__(self, home: Path, level: str, policy: str) -> None:
        self._home, self._level, self._policy = home, level, policy
        self._rows: Rows = {}
        self._known: dict[str, Any] = {}
        self._own_files: dict[str, str] = {}  # word in an attack's code -> file id
        self._lag = 0.0

    async def run(self, attacks: list[Attack]) -> dict[str, Any]:
        """All attacks; the report for the tests."""
        before = len(os.listdir("/proc/self/fd"))
        with Victims(self._home) as victims:
            async with self._interpreter() as interpreter:
                self._interpreter_ = interpreter
                own_files = await self._upload(interpreter, victims)
                async with self._other_user(interpreter, victims) as beats, self._watched_loop():
                    self._known = victims.known | {
                        "inside": True,
                        "enough_bytes": LIMITS["memory_bytes"] * 5 // 2,
                        "enough_disk": LIMITS["work_bytes"] * 5 // 4,
                        "enough_at_once": AT_ONCE_BYTES,
                        "enough_files": LIMITS["work_inodes"] * 5 // 4,
                        "enough_descriptors": LIMITS["max_open_files"] + 1,
                        # As root sandboxes have uids of their own: what one uses up is missed by nobody else.
                        "enough_watches": WATCHES if os.geteuid() else sys.maxsize,
                        **own_files,
                    }
                    await self._run_all(attacks)
                    other_user = beats()
            changes = victims.changes()
        after = len(os.listdir("/proc/self/fd"))
        return {
            "attacks": self._rows,
            "changes": changes,
            "other_user": other_user,
            "descriptors": [before, after],
            "lag": self._lag,
        }

    def _interpreter(self) -> Interpreter:
        return Interpreter(home=self._home, level=self._level, policy=self._policy, **LIMITS)

    async def _upload(self, interpreter: Interpreter, victims: Victims) -> dict[str, Any]:
        """A file of another user's, whose id and path attacks are told."""
        await interpreter.warm()
        secret = victims.secret("another user's file").encode()
        foreign = await interpreter.files.upload("ann", secret, "private.txt")
        for word, (name, content) in own_files().items():
            self._own_files[word] = (await interpreter.files.upload("mallory", content, name)).file_id
        return {"foreign_file": foreign.file_id, "foreign_path": foreign.file_path}

    async def _run_all(self, attacks: list[Attack]) -> None:
        queue = [attack for start in range(3) for attack in attacks[start::3]]  # those that wait beside those that work
        done = 0

        async def work() -> None:
            nonlocal done
            while queue:
                attack = queue.pop()
                self._rows[attack.name] = await self._attack(attack)
                done += 1
                if done % CANARY_EVERY == 0 and (harm := await self._canary()):
                    self._rows[attack.name]["harm"].append(harm)
                    self._rows[attack.name]["won"] = True

        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(work())

    async def _attack(self, attack: Attack) -> dict[str, Any]:
        code = attack.code
        for word, file_id in self._own_files.items():
            code = code.replace(word, file_id)
        seen = await self._call(attack, attack.source(self._known, code), "mallory")
        if attack.then:
            known = self._known | {"planted": seen.output}
            seen = await self._call(attack, attack.source(known, attack.then), "trent")
        return seen.as_row(JUDGES[attack.wins](seen))

    async def _call(self, attack: Attack, code: str, user: str) -> Seen:
        """One call, and beside it another user's, which must not suffer."""
        canary = asyncio.create_task(self._canary_beside(attack))
        seen = Seen()
        started = time.monotonic()
        try:
            async with asyncio.timeout(attack.timeout + GRACE_SECONDS):
                result = await self._interpreter_.run(code, user_id=user, timeout=attack.timeout)
            seen.success, seen.output, seen.error = result.success, result.output, result.error
            seen.files = {file.filename: file.data for file in result.generated_files}
            seen.harm += _harm_in(result)
        except CellblockError as error:
            seen.error = f"{type(error).__name__}: {error}"
        except TimeoutError:
            seen.harm.append("the call did not end in time")
        except Exception as error:  # noqa: BLE001 - a bot would meet it
            seen.harm.append(f"the call raised {type(error).__name__}: {error}")
            seen.error = traceback.format_exc()
        seen.seconds = time.monotonic() - started
        seen.harm += filter(None, [await canary])
        return seen

    async def _canary_beside(self, attack: Attack) -> str:
        if attack.wins != "harms" or attack.category != "resources":
            return ""
        await asyncio.sleep(min(1.0, attack.timeout / 2))
        return await self._canary()

    async def _canary(self) -> str:
        """A third user's small call; what it suffered, '' for nothing."""
        try:
            async with asyncio.timeout(CANARY_SECONDS):
                result = await self._interpreter_.run("print(6 * 7)", user_id="canary", timeout=CANARY_SECONDS)
        except Exception as error:  # noqa: BLE001 - any is one too many
            return f"another user's call raised {type(error).__name__}: {error}"
        return "" if result.output == "42\n" else f"another user's call said {result.output!r} {result.error!r}"

    @contextlib.asynccontextmanager
    async def _other_user(self, interpreter: Interpreter, victims: Victims) -> AsyncIterator[Any]:
        """Ann's cell runs all the time, with a secret in its files, environment and memory, and looks after them."""
        secret = victims.secret("another user's cell")
        said: list[str] = []
        beats: list[float] = []

        def on_event(event: Any) -> None:
            if text := getattr(event, "text", ""):
                said.append(text)
                beats.append(time.monotonic())

        call = asyncio.create_task(interpreter.run(ANN % secret, user_id="ann", timeout=300, on_event=on_event))
        while not beats:
            await asyncio.wait([call], timeout=0.05)
            if call.done():
                raise RuntimeError(f"ann's cell ended: {call.result()}")

        def alright() -> str:
            if call.done():
                return f"ann's cell ended: {call.result().error}"
            if set("".join(said)) != {"."}:
                return f"ann's cell found {''.join(said)[-200:]!r}"
            late = time.monotonic() - beats[-1]
            return f"ann's cell was not heard for {late:.1f} seconds" if late > CANARY_SECONDS else ""

        try:
            yield alright
        finally:
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _watched_loop(self) -> AsyncIterator[None]:
        """How long the host's event loop was kept from its work, at worst."""

        async def watch() -> None:
            while True:
                started = time.monotonic()
                await asyncio.sleep(0.05)
                self._lag = max(self._lag, time.monotonic() - started - 0.05)

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


# The policy must let it pass: nothing here but files, the environment and memory.
ANN = """
import os, pathlib, tempfile, time
secret = %r
places = [pathlib.Path('ann.txt'), pathlib.Path(tempfile.gettempdir(), 'ann.txt')]
for place in places:
    place.write_text(secret)
os.environ['ANN'] = secret
inode = [place.stat().st_ino for place in places]
while True:
    whole = all(place.read_text() == secret for place in places) and os.environ['ANN'] == secret
    same = inode == [place.stat().st_ino for place in places] and sorted(os.listdir('.')) == ['ann.txt']
    print('.' if whole and same else 'B', end='', flush=True)
    time.sleep(0.3)
"""


def _harm_in(result: ExecutionResult) -> list[str]:
    """What a caller cannot use: text that cannot be encoded or is longer than the limits say, names that are paths."""
    harm = []
    texts = [result.output, result.error, *result.dropped_files]
    try:
        sizes = [len(text.encode()) for text in texts]
    except (AttributeError, UnicodeEncodeError) as error:
        return [f"a result that cannot be encoded: {error}"]
    # What cannot be decoded is shown by a character of three bytes.
    if sizes[0] > 3 * LIMITS["max_output_bytes"] or max(sizes[1:]) > RESULT_BYTES:
        harm.append(f"a result of {sizes} bytes")
    if sum(len(file.data) for file in result.generated_files) > LIMITS["work_bytes"]:
        harm.append("files that are larger together than the space they lay in")
    for file in result.generated_files:
        if "/" in file.filename or file.filename in ("", ".", "..") or not file.filename.isprintable():
            harm.append(f"a file called {file.filename!r}")
    return harm


if __name__ == "__main__":
    sys.exit(main())

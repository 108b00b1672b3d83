"""The uids of sandboxes: of no account and, where the bot is root, one for each, which makes them strangers to the kernel."""

import contextlib
import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SandboxLost

BLOCK = 1024  # the zygote's, and more than there are ever sandboxes at once
# systemd leaves these unused (systemd.io/UIDS-GIDS); no two bots are likely to meet in them.
RANGE = range(1_900_000_000, 2_100_000_000, BLOCK)
# Of the 65,536 that a rootless container has: neither accounts (below 1,000 by habit) nor what systemd hands out.
SMALL_BLOCK = 256
SMALL_RANGE = range(20_000, 60_000, SMALL_BLOCK)
TRIES = 8  # blocks looked at
# In `status` stands the process's name too, any bytes that it likes but a newline (proc(5)).
_UID, _STATE = re.compile(rb"^Uid:\t(\d+)", re.MULTILINE), re.compile(rb"^State:\t(\w)", re.MULTILINE)
NEEDED = (0, 1, 3, 5, 6, 7)  # CAP_CHOWN, _DAC_OVERRIDE, _FOWNER, _KILL, _SETGID, _SETUID, linux/capability.h


@dataclass
class Ids:
    """A block of uids and of equal gids: the first is the zygote's, the others are taken by sandboxes."""

    first_uid: int
    first_gid: int
    count: int
    _taken: set[int] = field(default_factory=set)

    @property
    def spare_uid(self) -> int:
        """The last: of no process but those that kill."""
        return self.first_uid + self.count - 1

    @property
    def separate(self) -> bool:
        return self.count > 1

    def take(self) -> int:
        """The offset of one that no sandbox has; 0 where all share the first.

        Raises:
            SandboxLost: there are as many sandboxes as ids.
        """
        if not self.separate:
            return 0
        free = next((offset for offset in range(1, self.count - 1) if offset not in self._taken), None)
        if free is None:
            raise SandboxLost(f"no sandbox could be started: {self.count - 2} run already, each under a uid of its own")
        self._taken.add(free)
        return free

    def give_back(self, offset: int) -> None:
        self._taken.discard(offset)


def end_all(ids: Ids) -> None:
    """Kill every process that has one of these ids: a launcher, which would have done so, was killed itself. Blocks."""
    while uids := _in_use(ids):
        for uid in uids:
            # One call for all of a uid, so that no process can fork away meanwhile (kill(2), pid -1). It has the uid in effect
            # only: what it kills cannot signal it.
            spare = ids.spare_uid
            program = (
                f"import os; os.setgroups([]); os.setresgid({spare}, {spare}, {spare}); "
                f"os.setresuid({spare}, {uid}, {spare}); os.kill(-1, 9)"
            )
            subprocess.run([sys.executable, "-I", "-S", "-c", program], stderr=subprocess.DEVNULL, check=False)


def _in_use(ids: Ids) -> set[int]:
    uids = set()
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            status = path.read_bytes()
            uid, state = _UID.search(status), _STATE.search(status)
            if uid and state and state[1] != b"Z" and 0 <= int(uid[1]) - ids.first_uid < ids.count:
                uids.add(int(uid[1]))
    return uids


def choose() -> Ids:
    """Ids for one zygote's sandboxes: separate ones where this process may hand them out. Reads files: call it in a thread."""
    if os.geteuid() != 0 or not _capable():
        return Ids(os.geteuid(), os.getegid(), 1)
    for candidates, count in ((RANGE, BLOCK), (SMALL_RANGE, SMALL_BLOCK)):
        for first in secrets.SystemRandom().sample(candidates, TRIES):
            ids = Ids(first, first, count)
            if _is_free(ids):
                return ids
    return Ids(os.geteuid(), os.getegid(), 1)


def _capable() -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            return all(held >> capability & 1 for capability in NEEDED)
    return False


def _is_free(ids: Ids) -> bool:
    """Whether a block exists here, and neither accounts nor another bot's sandboxes are in it."""
    mapped = all(_is_mapped(kind, ids.first_uid, ids.count) for kind in ("uid", "gid"))
    return mapped and not _has_accounts(ids.first_uid, ids.count) and not _in_use(ids)


def _is_mapped(kind: str, first: int, count: int) -> bool:
    rows = [tuple(map(int, line.split())) for line in Path(f"/proc/self/{kind}_map").read_text().splitlines()]
    return any(start <= first and first + count <= start + length for start, _, length in rows)


def _has_accounts(first: int, count: int) -> bool:
    fields = [line.split(":") for line in Path("/etc/passwd").read_text("utf-8", "replace").splitlines()]
    return any(len(row) > 2 and row[2].isdigit() and first <= int(row[2]) < first + count for row in fields)

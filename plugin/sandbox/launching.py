"""Starts the launcher, the small process between the bot and the zygote, with what a level wants prepared."""

import contextlib
import json
import os
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import ids, levels, template
from .ground import Ground

MAX_COMPLAINT_BYTES = 16 * 1024


@dataclass
class Launched:
    """A launcher that runs, and what it was given.

    Attributes:
        ground: the directories of level landlock, None at level namespaces.
        complaints: a memory file that its standard error goes to.
    """

    level: levels.Level
    process: "subprocess.Popen[bytes]"
    ids: ids.Ids
    ground: Ground | None
    complaints: int
    _held: int = 1
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def hold(self) -> None:
        """Keep what was prepared until one more `let_go`."""
        with self._counting:
            self._held += 1

    def let_go(self) -> None:
        """When the keeper, or a sandbox, has ended. The last one clears away what was prepared. Blocks."""
        with self._counting:
            self._held -= 1
            if self._held:
                return
        self.process.wait()
        complaints, self.complaints = self.complaints, -1
        os.close(complaints)
        if self.ground is not None:
            self.ground.close()

    def last_words(self) -> str:
        """The last line that tells of an error, of it or of the zygote; how it ended where none does, or all is let go."""
        if self.complaints < 0:
            return f"it ended with status {self.process.poll()}"
        said = os.pread(self.complaints, MAX_COMPLAINT_BYTES, 0).decode("utf-8", "replace").strip()
        lines = said.splitlines() or [f"it ended with status {self.process.poll()}"]
        return next(
            (line for line in reversed(lines) if "rror" in line), lines[-1]
        )  # a fatal one has other lines after it

    def refusal(self) -> levels.Refused:
        """Why it could not start the zygote."""
        words = self.last_words()
        try:
            told = json.loads(words)
            return levels.Refused(self.level, told["errno"], told["text"])
        except (ValueError, TypeError, KeyError):
            return levels.Refused(self.level, 0, f"the zygote could not be started: {words}")


def launch(level: levels.Level, theirs: socket.socket, home: Path, library: template.Library) -> Launched:
    """Start a launcher for a zygote of this level. Blocks.

    Args:
        theirs: the zygote's end of the control socket.
    """
    given = ids.choose()
    tree = template.tree(library)
    ground = None if level == "namespaces" else Ground(home, given)
    try:
        request: dict[str, Any] = {
            "tree": tree,
            "ground": None,
            "argv": template.zygote_command(""),
            "environment": template.ENVIRONMENT,
        }
        if ground is not None:
            request |= ground.launch(tree, template.ENVIRONMENT)
        request |= {"outer_uid": given.first_uid, "outer_gid": given.first_gid, "ids": given.count}
        request["landlock_at_least"] = levels.LANDLOCK_ABI if level == "landlock" else 0
        complaints = os.memfd_create("cellblock-launcher", os.MFD_CLOEXEC)
        process = subprocess.Popen(
            template.launcher_command(theirs.fileno()),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            pass_fds=(theirs.fileno(),),
            env={},
            cwd="/",
            start_new_session=True,  # a terminal's ^C is the operator's, not the sandboxes'
        )
    except BaseException:
        if ground is not None:
            ground.close()
        raise
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(json.dumps(request).encode())
    return Launched(level, process, given, ground, complaints)

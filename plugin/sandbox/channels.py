"""The descriptors between the host and one sandbox: its socket and its three pipes."""

import contextlib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import SandboxLost


@dataclass(frozen=True)
class Channels:
    """The host's ends of one sandbox's descriptors; `pipes` are the ordered stream, standard output, standard error."""

    peer: socket.socket
    pipes: Sequence[int]

    def close(self) -> None:
        self.peer.close()
        for pipe in self.pipes:
            os.close(pipe)


def made(theirs: contextlib.ExitStack) -> tuple[Channels, list[int]]:
    """The descriptors of a sandbox: the host's ends, and the sandbox's, which close with the stack.

    Raises:
        SandboxLost: this process has no descriptors left.
    """
    with contextlib.ExitStack() as ours:
        try:
            peer, other = socket.socketpair()
            ours.callback(peer.close)
            theirs.callback(other.close)
            peer.setblocking(False)
            given, reading_ends = [other.fileno()], []
            for _ in range(3):
                reading, writing = os.pipe()
                ours.callback(os.close, reading)
                theirs.callback(os.close, writing)
                os.set_blocking(reading, False)
                os.fchmod(writing, 0o666)  # opened as /dev/stdout under the sandbox's own uid
                reading_ends.append(reading)
                given.append(writing)
        except OSError as error:
            raise SandboxLost(f"no sandbox could be started: {error.strerror}; raise the limit on open files") from None
        ours.pop_all()
    return Channels(peer, reading_ends), given

"""What is counted of a tree of processes: real ones, that do what hostile code does to be counted wrongly."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import pytest

from plugin.sandbox import processes, usage

MB = 1024**2

PRELUDE = """
import ctypes, mmap, os, signal, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
reading, writing = os.pipe()

def hold(size):
    data = bytearray(size)
    for at in range(0, size, 4096): data[at] = 1
    return data

def rewrite(data):
    for at in range(0, len(data), 4096): data[at] = 2

def fork(count, work=lambda: None):
    # Children that have done their work, and stay.
    for _ in range(count):
        if os.fork() == 0:
            kept = work()
            os.write(writing, b"x")
            signal.pause()
    for _ in range(count):
        os.read(reading, 1)

def end_first_thread():
    # exit, not exit_group: the thread that is the process ends, the others go on.
    os.write(writing, b"x")
    libc.syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)

def ready(*what):
    print(*what, flush=True)
    signal.pause()
"""

Tree = Callable[[str], tuple[int, list[str]]]


@pytest.fixture
def tree() -> Iterator[Tree]:
    """Starts a program and its children; gives its pidfd when it is ready, and what it said."""
    with_pidfds: list[tuple[subprocess.Popen[str], int]] = []

    def start(program: str) -> tuple[int, list[str]]:
        process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        pidfd = os.pidfd_open(process.pid)
        with_pidfds.append((process, pidfd))
        assert process.stdout is not None
        return pidfd, process.stdout.readline().split()

    yield start
    for process, pidfd in with_pidfds:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        os.close(pidfd)


def memory_mb(pidfd: int) -> float:
    """What a look counts that must be exact, as the rough sum is over half of the limit, and takes as long as it likes."""
    rough = usage.look(pidfd, usage.Limits(1 << 60, 0, 1000, 60)).memory_bytes
    exact = usage.look(pidfd, usage.Limits(rough, 0, 1000, 60)).memory_bytes
    assert exact < rough + 8 * MB
    return exact / MB


def test_what_children_hold_counts_together(tree: Tree) -> None:
    """Five of 30 MB each, one of them a child's child."""
    pidfd, _ = tree("fork(4, lambda: hold(30 << 20)); fork(1, lambda: fork(1, lambda: hold(30 << 20))); ready()")
    assert 150 < memory_mb(pidfd) < 200
    assert usage.look(pidfd, usage.Limits(1 << 60, 0, 1000)).processes == 7


def test_orphans_of_the_first_process_count(tree: Tree) -> None:
    """What a child leaves behind goes to the nearest subreaper: pid 1 in a sandbox."""
    pidfd, _ = tree(
        """
        libc.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
        if os.fork() == 0:
            fork(2, lambda: hold(30 << 20))
            os._exit(0)
        os.wait()
        ready()
        """
    )
    assert 60 < memory_mb(pidfd) < 90


def test_memory_that_processes_share_counts_once(tree: Tree) -> None:
    """Six processes with the same 100 MB, until one of them writes to it."""
    pidfd, _ = tree("data = hold(100 << 20); fork(5); ready()")
    assert 100 < memory_mb(pidfd) < 140
    pidfd, _ = tree("data = hold(100 << 20); fork(4); fork(1, lambda: rewrite(data)); ready()")
    assert 200 < memory_mb(pidfd) < 240


def test_threads_and_processes_count_together(tree: Tree) -> None:
    """Seven threads of three processes; one more than the limit is enough."""
    pidfd, _ = tree(
        """
        def threads(count):
            for _ in range(count): threading.Thread(target=signal.pause, daemon=True).start()
        fork(1, lambda: threads(3))
        fork(1)
        threads(1)
        ready()
        """
    )
    assert usage.look(pidfd, usage.Limits(1 << 60, 0, 7)).processes == 7
    over = usage.look(pidfd, usage.Limits(1 << 60, 0, 6))
    assert (over.processes, over.memory_bytes) == (7, 0)


def test_page_tables_count(tree: Tree) -> None:
    """Reading every 2 MiB of nothing takes a page of tables each, and no other memory."""
    pidfd, _ = tree(
        """
        space = mmap.mmap(-1, 64 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ)  # MAP_NORESERVE
        for at in range(0, len(space), 2 << 20): space[at]
        ready()
        """
    )
    assert 128 < memory_mb(pidfd) < 160


def test_files_in_shared_memory_count(tree: Tree) -> None:
    """Shared memory of several processes, once."""
    pidfd, _ = tree(
        "space = mmap.mmap(-1, 50 << 20); space[:] = bytes(50 << 20); fork(3, lambda: len(space[:])); ready()"
    )
    assert 50 < memory_mb(pidfd) < 120


def test_a_process_whose_first_thread_has_ended_still_counts(tree: Tree) -> None:
    """Its own files in /proc tell of no memory then; its other threads' do."""
    pidfd, _ = tree(
        """
        def work():
            done = threading.Event()
            def other():
                kept = hold(60 << 20)
                done.set()
                signal.pause()
            threading.Thread(target=other).start()
            done.wait()
            end_first_thread()
        fork(2, work)
        ready()
        """
    )
    assert 120 < memory_mb(pidfd) < 160
    assert usage.look(pidfd, usage.Limits(1 << 60, 0, 1000)).processes == 5


def test_threads_that_come_and_go_do_not_hide_what_they_share(tree: Tree) -> None:
    """The first has ended, and each of the others ends as soon as it has started the next."""
    pidfd, _ = tree(
        """
        def work():
            kept = hold(60 << 20)
            def other():
                len(kept)
                threading.Thread(target=other).start()
            threading.Thread(target=other).start()
            end_first_thread()
        fork(1, work)
        ready()
        """
    )
    looks = [usage.look(pidfd, usage.Limits(40 * MB, 0, 1000)).memory_bytes > 60 * MB for _ in range(50)]
    assert any(looks)


@pytest.mark.parametrize("name", [b"\rVmPTE:\t1 kB\r", b"\rThreads:\t0\r", b"a) S 1 (b", b"\xff\xfe", b"\n\n\n", b" "])
def test_a_name_is_not_taken_for_a_size(tree: Tree, name: bytes) -> None:
    """A process may call itself anything, and its name stands among what is read."""
    pidfd, _ = tree(f"libc.prctl(15, {name!r}); kept = hold(60 << 20); ready()")
    (process,) = processes.descendants(pidfd)
    assert process.threads == 1 and 0 < process.table_bytes < 4 * MB
    assert process.resident_bytes > 60 * MB
    assert process.faults() * usage.PAGE_BYTES > 60 * MB


def test_a_process_that_ends_meanwhile_is_left_out(tree: Tree) -> None:
    """Between the moment in which its parent named it and its own turn."""
    pidfd, children = tree(
        """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # reaped at once
        pids = []
        for _ in range(3):
            if (pid := os.fork()) == 0: signal.pause()
            pids.append(pid)
        ready(*pids)
        """
    )
    walk = processes.descendants(pidfd)
    next(walk)
    seen = next(walk).directory.name
    ended = next(pid for pid in children if pid != seen)
    end = os.pidfd_open(int(ended))
    signal.pidfd_send_signal(end, signal.SIGKILL)
    while os.path.exists(f"/proc/{ended}"):
        os.sched_yield()
    os.close(end)
    assert {process.directory.name for process in walk} == set(children) - {seen, ended}


def test_a_process_that_is_dead_but_not_reaped_holds_nothing(tree: Tree) -> None:
    """It still counts as one."""
    pidfd, (child,) = tree(
        """
        if (child := os.fork()) == 0: kept = hold(60 << 20); os._exit(0)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        ready(child)
        """
    )
    assert memory_mb(pidfd) < 40
    assert [each.directory.name for each in processes.descendants(pidfd)][1:] == [child]


def test_a_crowd_that_comes_and_goes_is_no_error(tree: Tree) -> None:
    """What stays is counted in every look, whoever ends in the middle of it."""
    pidfd, _ = tree(
        """
        def come_and_go():
            os.write(writing, b"x")
            while True:
                if (pid := os.fork()) == 0: os._exit(0)
                os.waitpid(pid, 0)
        def threads():
            while True:
                thread = threading.Thread(target=len, args=("",)); thread.start(); thread.join()
        for work in (come_and_go, come_and_go, lambda: (os.write(writing, b"x"), threads())):
            if os.fork() == 0: work()
            os.read(reading, 1)
        kept = hold(60 << 20)
        ready()
        """
    )
    for _ in range(300):
        assert usage.look(pidfd, usage.Limits(MB, 0, 1000)).memory_bytes > 60 * MB


def test_a_sandbox_that_has_ended_uses_nothing() -> None:
    """Neither dead nor reaped is an error."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    pidfd = os.pidfd_open(process.pid)
    os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
    assert usage.look(pidfd, usage.Limits(1, 0, 10)).memory_bytes == 0
    process.wait()
    seen = usage.look(pidfd, usage.Limits(1, 0, 10))
    assert (seen.memory_bytes, seen.processes) == (0, 0)
    os.close(pidfd)


@pytest.mark.parametrize("seconds", [0, 1e-9])
def test_a_look_ends_when_its_time_is_over(tree: Tree, seconds: float) -> None:
    """With the process it is at, and says so."""
    pidfd, _ = tree("fork(9); ready()")
    seen = usage.look(pidfd, usage.Limits(1 << 60, 0, 1000, seconds))
    assert seen.processes == 1 and seen.seconds > seconds


def test_what_cannot_be_seen_is_guessed_and_a_copy_is_never_taken_for_shared(tree: Tree) -> None:
    """The parent is the zygote here: a fork, one that wrote over all it shares, one with memory of its own beside it."""
    pidfd, (shared,) = tree(
        """
        data = hold(60 << 20)
        shared = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))
        fork(1)
        fork(1, lambda: rewrite(data))
        fork(1, lambda: hold(30 << 20))
        ready(shared)
        """
    )
    _, *children = sorted(processes.descendants(pidfd), key=lambda process: int(process.directory.name))
    fork, copy, more = [usage.own_bytes(process, int(shared) * 1024) / MB for process in children]
    assert fork < 8
    assert 60 < copy < 75
    assert 30 < more < 40


BLIND = """
import ctypes, os, sys
if "blind" not in sys.argv and os.geteuid() == 0:
    for capability in (19, 21, 38):  # SYS_PTRACE, SYS_ADMIN, PERFMON: each lets a process look; gone with the next execve
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "blind"])
from plugin.sandbox import processes, usage
pidfd = os.pidfd_open(int(sys.argv[1]))
for process in processes.descendants(pidfd):
    try:
        (process.memory / "smaps_rollup").read_bytes()
    except PermissionError:
        print("hidden")
for shared in (0, 60 << 20):
    print(usage.look(pidfd, usage.Limits(100 << 20, shared, 10)).memory_bytes >> 20)
"""


def test_a_process_that_hides_is_still_counted(tree: Tree) -> None:
    """By a bot that has no capability for it, root or not: what is shared with the zygote counts once."""
    _, (pid,) = tree(
        """
        libc.prctl(4, 0)  # PR_SET_DUMPABLE
        data = hold(60 << 20)
        fork(1)
        ready(os.getpid())
        """
    )
    told = subprocess.run([sys.executable, "-c", BLIND, pid], capture_output=True, text=True, check=True).stdout.split()
    assert told[:-2] == ["hidden"] * 2
    together, once = map(int, told[-2:])
    assert 120 <= together < 150
    assert 60 <= once < 150

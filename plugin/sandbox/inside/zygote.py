"""What every sandbox is forked from: imports and rehearses the heavy libraries once, then forks one sandbox a request.

It speaks JSON messages with the keeper over a SOCK_SEQPACKET socket: `start` comes first; then `spawn`, with the new
sandbox's descriptors. It tells `ready` (or `refused`), `spawned` (with a pidfd) and `exited` (with the wait status, when
nothing of the sandbox runs any more). It runs no user code, has one thread, and ends, with all its sandboxes, when the
keeper's end of the socket closes.
"""

import base64
import gc
import importlib.util
import io
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import traceback
import warnings
from typing import Any, NoReturn

from . import fonts, jail, kernel, landlock, landlocked, methods, namespaces, policy, rlimits, source

CONTROL_FD = 3
MAX_MESSAGE_BYTES = 192 * 1024
SANDBOX_DESCRIPTORS = 4  # the sandbox's socket; the ordered pipe, standard output, standard error
# Python 3.11 rewrites a function's bytecode in its first runs (PEP 659): what was not run often enough here, each sandbox
# would rewrite for itself, in memory of its own.
KERNEL_REHEARSALS = 40

NO_FORK = 1 << 8  # a wait status: exit status 1

Message = dict[str, Any]


def main() -> NoReturn:
    os.setsid()  # apart from the launcher
    _own_signals()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # see kernel.hand_over_work: its pidfds travel too
    sys.dont_write_bytecode = True  # a module that code writes and imports leaves no __pycache__ among its files
    control = socket.socket(fileno=CONTROL_FD)
    control.set_inheritable(False)
    start = json.loads(control.recv(MAX_MESSAGE_BYTES))
    landlock_abi = landlock.abi()
    limits = jail.Limits(**start["limits"])
    lock = jail.Lock(limits, landlock_abi, base64.b64decode(start["seccomp"]), start["own_pid_at"])
    ground = start["ground"]
    wall: jail.Wall = landlocked.Landlocked(landlock_abi, ground) if ground else namespaces.Namespaces(landlock_abi)
    refusal = jail.rehearsed(wall, lock, jail.Place(**start["place"]))
    if refusal:
        _tell(control, {"op": "refused", **refusal}, [])
        os._exit(1)
    kernel.configure(policy.Policy.from_rows(start["policy"]))
    methods.configure(start["methods"])
    imported = rehearse(start["imports"])
    for _ in range(KERNEL_REHEARSALS):
        kernel.rehearse()
    _be_single_threaded()
    _forget_inside()
    gc.collect()
    gc.freeze()
    baseline = rlimits.own_bytes("VmData")
    _tell_ready(
        control,
        {
            "op": "ready",
            "imported": imported,
            "landlock": landlock_abi,
            "anonymous_bytes": rlimits.own_bytes("RssAnon"),
        },
    )

    def become_sandbox(place: jail.Place, descriptors: list[int]) -> NoReturn:
        peer = socket.socket(fileno=descriptors[0])
        jail.keep_only(peer, descriptors[1:])
        os.setsid()  # or its process group, and what is done to one, would be shared with the other sandboxes
        wall.settle(limits, place)
        kernel.hand_over_work(peer)
        lock.close(wall, place, baseline)
        jail.reseed()
        kernel.serve(peer, descriptors[1], wall.files)

    _serve(control, wall, become_sandbox)


def rehearse(modules: list[str]) -> dict[str, str]:
    """Import what cells use most and run each library's first steps, which are slow the first time only.

    Returns: versions of what could be imported; a module that is not installed is left out.
    """
    if _site_packages() not in sys.path:  # or its packages are listed twice
        sys.path.append(_site_packages())
    if os.path.isdir(_font_cache()):
        shutil.copytree(_font_cache(), os.environ["MPLCONFIGDIR"])
    versions = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            try:
                module = __import__(name)
            except ImportError:
                continue
            versions[name] = str(getattr(module, "__version__", ""))
        if "pandas" in versions:
            _rehearse_pandas()
        if "matplotlib" in versions:
            _rehearse_matplotlib()
    return versions


def _rehearse_pandas() -> None:
    import pandas

    frame = pandas.read_csv(io.StringIO("when,kind,value\n2026-01-01,a,1.5\n2026-01-02,b,2.5\n"), parse_dates=["when"])
    repr(frame.describe())
    repr(frame.groupby("kind")["value"].agg(["mean", "sum"]))
    frame.sort_values("value").to_csv(io.StringIO())
    if importlib.util.find_spec("python_calamine"):
        # Nine times as fast as openpyxl, and the only one here for the old and the open formats; pandas 4 does so by itself.
        for kind in ("xlsx", "xlsm", "xlsb", "xls", "ods"):
            pandas.set_option(f"io.excel.{kind}.reader", "calamine")


def _rehearse_matplotlib() -> None:
    import matplotlib.pyplot as plt

    from . import figures

    figures.install()
    fonts.install(_site_packages())
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3], label="x")
    axes.bar([1, 2], [3, 4])
    axes.set_title("rehearsal")
    axes.legend()
    figure.savefig(io.BytesIO(), format="png")
    plt.close("all")
    if "pandas" in sys.modules:
        _rehearse_pandas_plot()
    figures.forget()


def _rehearse_pandas_plot() -> None:
    """pandas imports half of its plotting at the first plot."""
    import matplotlib.pyplot as plt
    import pandas

    frame = pandas.DataFrame({"when": pandas.date_range("2026-01-01", periods=3), "value": [1.5, 2.5, -2.0]})
    frame.plot(x="when", y="value", title="rehearsal", ylabel="y", figsize=(8, 5))
    plt.tight_layout()
    plt.savefig(io.BytesIO(), format="png")
    frame.groupby("when").value.sum().plot.bar()
    plt.savefig(io.BytesIO(), format="png")
    plt.close("all")


def _site_packages() -> str:
    return f"{sys.prefix}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def _font_cache() -> str:
    return f"{sys.prefix}/matplotlib"


def _own_signals() -> None:
    """Start from Python's own dispositions, whatever the operator's process had set or blocked."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    ignored = {signal.SIGPIPE, signal.SIGXFSZ}  # as the interpreter starts (Python/pylifecycle.c)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGINT}:
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _be_single_threaded() -> None:
    """Only one thread survives a fork; wait a moment for those that end by themselves, then refuse."""
    for _ in range(100):
        threads = os.listdir("/proc/self/task")
        if len(threads) == 1:
            return
        select.select([], [], [], 0.05)
    raise RuntimeError(f"the zygote has {len(threads)} threads: a library started some at import")


def _forget_inside() -> None:
    """Leave no module of ours where code's own imports would find it."""
    package = __package__ or "inside"
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    ours = os.path.dirname(os.path.dirname(__file__))
    sys.path[:] = [path for path in sys.path if path != ours]
    sys.path.insert(0, "")  # the working directory, as for a script that runs there
    sys.argv[:] = [source.NAME]


def _tell_ready(control: socket.socket, message: Message) -> None:
    """A pidfd of this process goes along, and a font cache that had to be built, so that the next start need not build it."""
    caches = os.environ["MPLCONFIGDIR"]
    built = os.path.isdir(caches) and not os.path.isdir(_font_cache())
    names = [name for name in sorted(os.listdir(caches)) if name.startswith("fontlist")] if built else []
    descriptors = [os.pidfd_open(os.getpid()), *(os.open(f"{caches}/{name}", os.O_RDONLY) for name in names[:1])]
    _tell(control, message | {"font_cache_name": "".join(names[:1])}, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)


def _tell(control: socket.socket, message: Message, descriptors: list[int]) -> None:
    socket.send_fds(control, [json.dumps(message).encode()], descriptors)


def _serve(control: socket.socket, wall: jail.Wall, become_sandbox: Any) -> NoReturn:
    children: dict[int, tuple[int, int, jail.Place]] = {}  # pidfd -> (sandbox number, pid, place)
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    while True:
        for descriptor, _ in waiting.poll():
            if descriptor != control.fileno():
                number, pid, place = children.pop(descriptor)
                waiting.unregister(descriptor)
                os.close(descriptor)
                status = os.waitpid(pid, 0)[1]
                wall.end_others(pid, place)
                _tell(control, {"op": "exited", "number": number, "status": status}, [])
                continue
            body, passed, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, SANDBOX_DESCRIPTORS)
            if not body:
                os._exit(0)
            request = json.loads(body)
            number, place = request["number"], jail.Place(**request["place"])
            try:
                pid = wall.fork()
            except OSError:  # the uid has as many processes as it may have: other sandboxes must not end for that
                pid = -1
            if pid == 0:
                _run_sandbox(become_sandbox, place, passed)
            for end in passed:
                os.close(end)
            if pid < 0:
                _tell(control, {"op": "exited", "number": number, "status": NO_FORK}, [])
                continue
            pidfd = os.pidfd_open(pid)
            children[pidfd] = (number, pid, place)
            waiting.register(pidfd, select.POLLIN)
            _tell(control, {"op": "spawned", "number": number}, [pidfd])


def _run_sandbox(become_sandbox: Any, place: jail.Place, descriptors: list[int]) -> NoReturn:
    """Whatever happens, the fork never returns into the zygote's loop."""
    try:
        become_sandbox(place, descriptors)
    except BaseException:  # noqa: BLE001 - the outermost boundary of a forked process
        traceback.print_exc()
    finally:
        os._exit(1)

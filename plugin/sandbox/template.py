"""What the template's root consists of on this host: the interpreter, the venv's packages, the C libraries, and no more.

Everything is shown at paths of our own. /proc/self/mountinfo alone still tells where on the host a bind comes from.
"""

import os
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSIDE = Path(__file__).parent / "inside"
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
STDLIB_INSIDE = f"/python/{sys.platlibdir}/{VERSION}"
LAUNCHER_PROGRAM = "from inside.launcher import main"
ZYGOTE_PROGRAM = "from inside.zygote import main; main()"

SEABORN_DATA = "/venv/seaborn-data"
OPERATORS_DATA = "/data"  # `home/data`

# The whole environment of every sandbox: nothing of the host's is handed on.
ENVIRONMENT = {
    "HOME": "/work",
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "PATH": "/venv/bin:/python/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "TMPDIR": "/tmp",
    # The home directory is where results are left: caches are none.
    "XDG_CACHE_HOME": "/tmp/.cache",
    "XDG_CONFIG_HOME": "/tmp/.config",
    "XDG_DATA_DIRS": "/venv/share",
    "LD_LIBRARY_PATH": "/python/lib",
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    # One thread each: two OpenMP threads on a busy machine took 4.6 s for what one does in 0.27 s.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # pyarrow's own allocator starts a background thread, and a zygote with two threads cannot be forked.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    # joblib counts cores in /sys, which is not there.
    "LOKY_MAX_CPU_COUNT": "1",
    # Data sets that seaborn would download, and what an operator has placed in the data directory.
    "SEABORN_DATA": SEABORN_DATA,
    "NLTK_DATA": f"{OPERATORS_DATA}/nltk_data",
    "MALLOC_ARENA_MAX": "2",
}

# Not /dev/zero: mapped shared, it is memory that no limit counts.
RANDOM_DEVICES = ["/dev/random", "/dev/urandom"]
_DEVICES = ["/dev/null", "/dev/full", *RANDOM_DEVICES]
OTHER_PACKAGES = ("site-packages", "dist-packages")  # beneath the base interpreter's library: the operator's own
_SHARED_DATA = ["/usr/share/zoneinfo", "/usr/lib/locale", "/etc/ld.so.cache"]
_FILES = {
    "/etc/passwd": "sandbox:x:1000:1000:sandbox:/work:/bin/false\n",
    "/etc/group": "sandbox:x:1000:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
}
_SYMLINKS = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/shm", "/tmp"),  # multiprocessing's semaphores
    ("/files", "/work"),
    ("/mnt/data", "/work"),
]
_DIRECTORIES = ["/work", "/tmp", "/space", "/mnt", "/var/tmp"]


@dataclass(frozen=True)
class Library:
    """The packages that a zygote shows to its sandboxes.

    Attributes:
        site_packages: of a virtual environment; it never changes while a zygote shows it.
        font_cache: a directory where matplotlib's font list is kept between starts.
        let_go: called in a thread when nothing shows it any more; may be called again.
        data: directories of data that the packages read: (host path, path inside); those that are missing are left out.
        methods: what code calls that may need a package which it does not import; see inside/methods.py.
    """

    site_packages: Path
    font_cache: Path
    let_go: Callable[[], None] = lambda: None
    data: tuple[tuple[Path, str], ...] = ()
    methods: tuple[str, ...] = ()


def tree(library: Library) -> dict[str, Any]:
    """What inside/mounts.py calls a Tree. Reads files: call it in a thread."""
    libraries, library_links = _system_libraries()
    binds = [
        (_base_executable(), f"/python/bin/{VERSION}"),
        (str(_stdlib()), STDLIB_INSIDE),
        (str(library.site_packages), f"/venv/lib/{VERSION}/site-packages"),
        *((str(path), f"/python/lib/{path.name}") for path in _python_libraries()),
        *((path, path) for path in [*libraries, *_SHARED_DATA] if os.path.exists(path)),
    ]
    if library.font_cache.is_dir():
        binds.append((str(library.font_cache), "/venv/matplotlib"))
    binds += [(str(host), path) for host, path in library.data if host.is_dir()]
    return {
        "binds": binds,
        "devices": _DEVICES,
        "hidden": [f"{STDLIB_INSIDE}/{name}" for name in OTHER_PACKAGES if (_stdlib() / name).is_dir()],
        "directories": _DIRECTORIES,
        "symlinks": [*_SYMLINKS, *library_links, ("/venv/bin/python", f"/python/bin/{VERSION}"),
                     ("/venv/bin/python3", f"/python/bin/{VERSION}"), ("/venv/bin/pgrep", "/cellblock/inside/pgrep.py"),
                     # Where Pillow looks for fonts: those that matplotlib brings, none of the host's.
                     ("/venv/share/fonts", f"/venv/lib/{VERSION}/site-packages/matplotlib/mpl-data/fonts/ttf")],
        "files": _FILES
        | {"/venv/pyvenv.cfg": "home = /python/bin\ninclude-system-site-packages = false\n"}
        | {f"/cellblock/inside/{path.name}": path.read_text("utf-8") for path in INSIDE.glob("*.py")},
    }  # fmt: skip


def zygote_command(root: str) -> list[str]:
    """The zygote's command line, for a tree that stands beneath this directory ("" where it is the root)."""
    program = f"import sys; sys.path.insert(0, {root + '/cellblock'!r})\n{ZYGOTE_PROGRAM}"
    return [f"{root}/venv/bin/python", "-I", "-c", program]


def launcher_command(control_fd: int) -> list[str]:
    """The command that starts inside/launcher.py in the base interpreter, alone with the standard library."""
    program = (
        f"import sys; sys.path.insert(0, {str(INSIDE.parent)!r})\n{LAUNCHER_PROGRAM}\nsys.exit(main({control_fd}))"
    )
    return [_base_executable(), "-I", "-S", "-c", program]


def _base_executable() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _stdlib() -> Path:
    return Path(os.__file__).parent.resolve()


def _python_libraries() -> list[Path]:
    """Shared libraries that an interpreter outside /usr brings along: its own, and a conda installation's."""
    if sys.base_prefix == "/usr":
        return []
    return [path for path in Path(sys.base_prefix, "lib").glob("lib*.so*") if path.is_file()]


def _system_libraries() -> tuple[list[str], list[tuple[str, str]]]:
    """Directories of the C library and its like, and the top-level links that lead there on a merged /usr."""
    links = [(path, os.readlink(path)) for path in ("/lib", "/lib64") if os.path.islink(path)]
    multiarch = sysconfig.get_config_var("MULTIARCH")
    candidates = [f"/usr/lib/{multiarch}", f"/lib/{multiarch}"] if multiarch else []
    if not any(os.path.isdir(path) for path in candidates):
        candidates = ["/usr/lib", "/lib"]
    candidates += ["/usr/lib64", "/lib64"]
    linked = tuple(f"{path}/" for path, _ in links)
    return [path for path in candidates if os.path.isdir(path) and not f"{path}/".startswith(linked)], links

"""Level `landlock`: the directories that a zygote and its sandboxes work in, on a file system that they share with the host.

    BASE/                   0711, named so that nobody guesses it; locked while its owner lives
      root/                 Python, the packages and the inside's own files, as template.py lists them
      scratch/              the zygote's own temporary files
      spaces/NAME/          one sandbox: work/ and tmp/
Everything here blocks and is called in a thread.
"""

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

import filelock

from ..errors import SandboxUnavailable
from . import template, unlocked
from .ids import Ids

PREFIX = "cellblock-"
ABANDONED_SECONDS = 60.0  # younger ones may be about to be locked


class Ground:
    """One zygote's directories, from `__init__` to `close`."""

    def __init__(self, home: Path, ids: Ids) -> None:
        self._ids = ids
        parent = _parent(home, ids)
        _remove_abandoned(parent)
        self.base = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._lock = _lock(self.base)
        self._lock.acquire()
        self.base.chmod(0o711)
        for name, mode in (("root", 0o755), ("scratch", 0o700), ("spaces", 0o1733 if ids.separate else 0o700)):
            (self.base / name).mkdir()
            (self.base / name).chmod(mode)
        if ids.separate:
            os.chown(self.base / "scratch", ids.first_uid, ids.first_gid)
        self.told: dict[str, Any] = {}  # what inside/landlocked.py calls a Ground
        self._spaces = os.open(self.base / "spaces", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def launch(self, tree: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
        """Put Python and the packages where sandboxes can reach them; what inside/launcher.py is to be told of it."""
        root = self.base / "root"
        readable = list(template.RANDOM_DEVICES)
        for host, path in tree["binds"]:
            if host == path:
                readable.append(host)
            elif not self._ids.separate or _searchable(Path(host)):
                _link(Path(host), _fresh(root, path))
                readable.append(host)
            else:
                _copy(Path(host), _fresh(root, path))
        for path, content in tree["files"].items():
            if path.startswith(("/venv/", "/cellblock/")):
                _fresh(root, path).write_text(content.replace("= /python/", f"= {root}/python/"))
        for path, to in tree["symlinks"]:
            if path.startswith("/venv/") and to.startswith(("/venv/", "/python/")):
                _fresh(root, path).symlink_to(root / to.lstrip("/"))
        _make_readable(root)
        coarse = [path for path in (str(root), *readable) if os.path.exists(path)]
        scratch = str(self.base / "scratch")
        self.told = {
            "readable": [entry for path in coarse for entry in _without_packages(path)],
            "coarse": coarse,
            "spaces": str(self.base / "spaces"),
            "scratch": scratch,
            "uid": self._ids.first_uid if self._ids.separate else 0,
            "spare_uid": self._ids.spare_uid,
        }
        return {
            "tree": None,
            "ground": self.told,
            "argv": template.zygote_command(str(root)),
            "environment": environment
            | {
                "HOME": scratch,
                "TMPDIR": scratch,
                "MPLCONFIGDIR": f"{scratch}/matplotlib",
                "PATH": f"{root}/venv/bin:{root}/python/bin",
                "LD_LIBRARY_PATH": f"{root}/python/lib",
                "XDG_DATA_DIRS": f"{root}/venv/share",
                "SEABORN_DATA": f"{root}{template.SEABORN_DATA}",
                "NLTK_DATA": f"{root}{template.OPERATORS_DATA}/nltk_data",
                "JOBLIB_MULTIPROCESSING": "0",  # it needs semaphores in /dev/shm, which all of the host's users share
            },
        }

    def space(self, name: str) -> str:
        """The path of one sandbox's directory."""
        return str(self.base / "spaces" / name)

    def remove(self, name: str) -> None:
        """Remove one sandbox's directory; its processes must be gone."""
        with contextlib.suppress(FileNotFoundError):
            remove_tree(self._spaces, name)

    def close(self) -> None:
        """Remove all of it; the zygote must be gone."""
        for name in os.listdir(self._spaces):
            remove_tree(self._spaces, name)
        os.close(self._spaces)
        _remove_base(self.base)
        self._lock.release()


def remove_tree(parent: int, name: str) -> None:
    """Remove a directory of any depth, with any modes, without recursion: directories in it are first moved to its top.

    Args:
        parent: descriptor of the directory that holds it.

    Raises:
        OSError: it cannot be removed.
    """
    top = unlocked.open_directory(name, parent)
    try:
        count, prefix = 0, secrets.token_hex(8)
        while directories := _remove_files(top):
            for entry in directories:
                below = unlocked.open_directory(entry, top)
                try:
                    for inner in _remove_files(below):
                        os.close(unlocked.open_directory(inner, below))  # moving a directory writes to it
                        os.rename(inner, f"{prefix}{count:x}", src_dir_fd=below, dst_dir_fd=top)
                        count += 1
                finally:
                    os.close(below)
                os.rmdir(entry, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


def _remove_files(directory: int) -> list[str]:
    """Returns: the directories that are left in it."""
    left = []
    for name in os.listdir(directory):
        if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            left.append(name)
        else:
            os.unlink(name, dir_fd=directory)
    return left


def _parent(home: Path, ids: Ids) -> Path:
    """Where to work: in the data directory, or, where sandboxes with uids of their own cannot get there, beside it."""
    for parent in (home / "run", Path("/var/tmp"), Path(os.environ.get("TMPDIR", "/tmp"))):
        with contextlib.suppress(OSError):
            parent.mkdir(parents=True, exist_ok=True)
            exec_allowed = not os.statvfs(parent).f_flag & os.ST_NOEXEC
            if os.access(parent, os.W_OK) and (not ids.separate or (_searchable(parent) and exec_allowed)):
                return parent
    raise SandboxUnavailable(
        "no directory for sandboxes: as root, code runs under other uids, and neither the data directory "
        f"({home}) nor /var/tmp can be searched, written and executed from by them; set CELLBLOCK_HOME to one that can"
    )


def _searchable(path: Path) -> bool:
    """Whether any uid may go there."""
    resolved = path.resolve()
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in resolved.parents) and bool(
        resolved.stat().st_mode & stat.S_IROTH
    )


def _fresh(root: Path, path: str) -> Path:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _copy(source: Path, target: Path) -> None:
    """By hard links where one file system holds both: it takes half a second, and no space."""
    if source.is_dir():
        leave_out = shutil.ignore_patterns(*template.OTHER_PACKAGES, "test")
        shutil.copytree(source, target, symlinks=True, copy_function=_link_hard, ignore=leave_out)
    else:
        _link_hard(str(source), str(target))


def _link(source: Path, target: Path) -> None:
    """One link; or one for each entry, where the directory may not be listed because packages of the operator's lie in it."""
    entries = _without_packages(str(source))
    if entries == [str(source)]:
        target.symlink_to(source)
        return
    target.mkdir()
    for entry in map(Path, entries):
        (target / entry.name).symlink_to(entry)


def _link_hard(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or a policy against links
        shutil.copy2(source, target)


def _make_readable(root: Path) -> None:
    """For any uid, whatever the operator's umask is, or was when Python was installed."""
    for directory, _, names in os.walk(root):
        os.chmod(directory, 0o755)
        for path in (f"{directory}/{name}" for name in names):
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode) or mode & 0o044 == 0o044:
                continue
            if os.lstat(path).st_nlink > 1:  # the original keeps the mode that its owner gave it
                shutil.copy2(path, f"{path}.own")
                os.replace(f"{path}.own", path)
            os.chmod(path, mode | 0o044 | (mode & 0o100) >> 6)


def _without_packages(path: str) -> list[str]:
    """The operator's own packages lie in the base interpreter's library: landlock takes what is beside them one by one."""
    directory = Path(path)
    if not directory.is_dir() or not any((directory / name).is_dir() for name in template.OTHER_PACKAGES):
        return [path]
    return [str(entry) for entry in directory.iterdir() if entry.name not in template.OTHER_PACKAGES]


def _lock(base: Path) -> filelock.BaseFileLock:
    """Held while the owner lives: the system lets go of it with the process."""
    return filelock.FileLock(base / "lock", thread_local=False)


def _remove_abandoned(parent: Path) -> None:
    """What a process that was killed left behind: nobody holds its lock."""
    for base in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = base.lstat()
            if found.st_uid != os.geteuid() or time.time() - found.st_ctime < ABANDONED_SECONDS:
                continue
            with contextlib.suppress(filelock.Timeout), _lock(base).acquire(timeout=0):
                _remove_base(base)


def _remove_base(base: Path) -> None:
    parent = os.open(base.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_tree(parent, base.name)
    finally:
        os.close(parent)

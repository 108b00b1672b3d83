"""Runs this project's code as an ordinary user when the tests run as root.

Root may search every directory, an ordinary user may not: the base interpreter, the checkout or an environment may lie where
only root can reach them (a 0700 home). What cannot be reached is copied to a temporary directory, by hard links where the
file system allows it. Used as a context manager:

    with OrdinaryUser(built_venv) as user:
        subprocess.run([*user.python, "-m", "tests.something"], **user.options)
"""

import contextlib
import os
import re
import shutil
import stat
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ["plugin", "schemas", "token_counter", "tests"]
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Of no account, so that no file of this machine is its own; not 65534, which a user namespace shows for "somebody else".
# Of this run alone: the kernel counts much for a uid, whoever runs under it.
UID = GID = 50_000 + os.getpid() % 10_000
NOT_NEEDED = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "ensurepip"}


class OrdinaryUser:
    """A user without privileges, and a place where it finds Python, this project and the sandboxes' environment.

    Args:
        built_venv: the environment that sandboxes see; it becomes `home / "venv"`.

    Attributes:
        python: the command that starts Python with this project importable.
        options: keywords for `subprocess.run` and `Popen`: who runs it, where, with which environment.
        home: a data directory of the user's own.
    """

    def __init__(self, built_venv: Path) -> None:
        self._built_venv = built_venv
        self._place = Path(tempfile.mkdtemp(prefix="ordinary-"))

    def __enter__(self) -> Self:
        self._place.chmod(0o755)
        prefix = self._reachable_python()
        checkout = self._reachable(CHECKOUT, "checkout", _copy_checkout)
        site_packages = self._reachable(Path(sysconfig.get_path("purelib")), "site-packages")
        venv = self._reachable(self._built_venv.resolve(), "venv")
        owned = [self._place / name for name in ("user", "user/home", "user/tmp")]
        for path in owned:
            path.mkdir(mode=0o700)
        self.home = owned[1]
        (self.home / "venv").symlink_to(venv)
        for path in owned:
            os.chown(path, UID, GID)
        self.python = [str(prefix / "bin" / VERSION)]
        self.options: dict[str, Any] = {
            "user": UID,
            "group": GID,
            "extra_groups": [],
            "cwd": checkout,
            "env": {
                "HOME": str(owned[0]),
                "PATH": "/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "TMPDIR": str(owned[2]),
                "PYTHONPATH": f"{checkout}:{site_packages}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        }
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        shutil.rmtree(self._place, ignore_errors=True)

    def _reachable(self, path: Path, name: str, copy: Callable[[Path, Path], None] | None = None) -> Path:
        if all(parent.stat().st_mode & stat.S_IXOTH for parent in [path, *path.parents]):
            return path
        (copy or _link_tree)(path, self._place / name)
        return self._place / name

    def _reachable_python(self) -> Path:
        """The prefix of this very build: the environment's stamp compares sys.version."""
        prefix = Path(sys.base_prefix)
        if self._reachable(prefix / "bin", "unused", lambda *_: None) == prefix / "bin":
            return prefix
        copy = self._place / "python"
        (copy / "bin").mkdir(parents=True)
        executable = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable))).read_bytes()
        target = copy / "bin" / VERSION
        target.write_bytes(_with_own_libraries(executable, prefix))
        target.chmod(0o755)
        library = Path(os.__file__).resolve().parent
        _link_tree(library, copy / sys.platlibdir / VERSION, NOT_NEEDED)
        # As most installations have one; what lies there is the operator's own.
        (copy / sys.platlibdir / VERSION / "site-packages" / "operators_own").mkdir(parents=True)
        (copy / "lib").mkdir(exist_ok=True)
        for path in prefix.glob("lib/lib*.so*"):
            _link(str(path), str(copy / "lib" / path.name))
        return copy


def _with_own_libraries(executable: bytes, prefix: Path) -> bytes:
    """An executable that looked for its shared libraries in the old prefix, and looks for them beside itself.

    An environment variable would not do: the sandbox's launcher is started with none.
    """
    old = re.compile(re.escape(f"{prefix}/lib".encode()) + rb"\0")
    return old.sub(lambda found: b"$ORIGIN/../lib".ljust(len(found[0]), b"\0"), executable)


def _copy_checkout(source: Path, target: Path) -> None:
    for name in PACKAGES:
        _link_tree(source / name, target / name)


def _link_tree(source: Path, target: Path, left_out: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    def ignore(_: str, names: list[str]) -> list[str]:
        return [name for name in names if name in left_out]

    shutil.copytree(source, target, symlinks=True, ignore=ignore, copy_function=_link)
    for directory, _, _ in os.walk(target):
        os.chmod(directory, 0o755)


def _link(source: str, target: str) -> str:
    """A hard link where everybody may read the file and the file system allows it, else a copy."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return target
    mode = os.stat(source).st_mode
    if mode & stat.S_IROTH:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return target
    shutil.copyfile(source, target)
    os.chmod(target, 0o755 if mode & stat.S_IXUSR else 0o644)
    return target

"""File trees: the template's read-only root, built once, and each sandbox's own writable places, mounted in it."""

import os
from collections.abc import Iterable
from typing import TypedDict

from . import libc

_SCAFFOLD = "/tmp"  # exists on every host; covered only within the template's own mount namespace
_PLAIN = libc.MS_NOSUID | libc.MS_NODEV

# statvfs(3) flags that a less privileged mount namespace must keep when it remounts a bind (mount_namespaces(7))
_KEPT_FLAGS = (
    (os.ST_RDONLY, libc.MS_RDONLY),
    (os.ST_NOSUID, libc.MS_NOSUID),
    (os.ST_NODEV, libc.MS_NODEV),
    (os.ST_NOEXEC, libc.MS_NOEXEC),
    (os.ST_NOATIME, libc.MS_NOATIME),
)


class Tree(TypedDict):
    """What the template's root consists of; every path but a bind's source is as seen inside."""

    binds: list[tuple[str, str]]  # (host path, path inside): read-only
    devices: list[str]  # host device nodes, bound at the same path
    hidden: list[str]  # directories beneath a bind that are covered by an empty one
    directories: list[str]
    symlinks: list[tuple[str, str]]  # (path inside, target)
    files: dict[str, str]  # path inside -> content


def open_sources(tree: Tree) -> dict[str, int]:
    """Descriptors of what is to be bound, by host path: opened while this process may still go there."""
    return {host: os.open(host, os.O_PATH | os.O_CLOEXEC) for host in _hosts(tree)}


def build_root(tree: Tree, sources: dict[str, int]) -> None:
    """Build the tree in this process's mount namespace and make it the root; the host's own tree is then gone.

    The host's /proc stays bound beneath: a new proc may be mounted only where one is fully visible (mount_namespaces(7)).

    Args:
        sources: from `open_sources`, in this mount namespace; closed here.
    """
    libc.mount("none", "/", flags=libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("root", _SCAFFOLD, "tmpfs", _PLAIN, "mode=755,size=4m,nr_inodes=4096")
    for path in tree["directories"]:
        os.makedirs(_SCAFFOLD + path, exist_ok=True)
    for path, content in tree["files"].items():
        _create(_SCAFFOLD + path)
        with open(_SCAFFOLD + path, "w") as file:
            file.write(content)
            if content.startswith("#!"):
                os.fchmod(file.fileno(), 0o755)
    for host, path in tree["binds"]:
        _bind(sources[host], _SCAFFOLD + path, libc.MS_RDONLY | libc.MS_NODEV)
    for path in tree["devices"]:
        _bind(sources[path], _SCAFFOLD + path, libc.MS_RDONLY)  # a device is written to all the same; its times are not
    for path in tree["hidden"]:
        libc.mount("none", _SCAFFOLD + path, "tmpfs", _PLAIN | libc.MS_RDONLY, "mode=755,size=4k,nr_inodes=1")
    for path, target in tree["symlinks"]:
        os.makedirs(os.path.dirname(_SCAFFOLD + path), exist_ok=True)
        os.symlink(target, _SCAFFOLD + path)
    os.makedirs(_SCAFFOLD + "/proc")
    libc.mount("/proc", _SCAFFOLD + "/proc", flags=libc.MS_BIND | libc.MS_REC)
    for descriptor in sources.values():
        os.close(descriptor)
    _enter(_SCAFFOLD)


def finish_root() -> None:
    """In the zygote-to-be, pid 1 of the new pid namespace: its own /proc and /tmp, and the root made read-only."""
    libc.mount("proc", "/proc", "proc", _PLAIN | libc.MS_NOEXEC)
    libc.mount("tmp", "/tmp", "tmpfs", _PLAIN, "mode=700,size=64m,nr_inodes=4096")
    libc.mount("none", "/", flags=libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY | _PLAIN)


def mount_sandbox(space_bytes: int, inodes: int, uid: int) -> None:
    """In a sandbox-to-be: a /proc of its own, and one tmpfs seen as /work and /tmp, so that one limit bounds both.

    Args:
        uid: whose the tmpfs is.
    """
    libc.mount("proc", "/proc", "proc", _PLAIN | libc.MS_NOEXEC, "subset=pid")
    libc.mount("space", "/space", "tmpfs", _PLAIN, f"mode=711,size={space_bytes},nr_inodes={inodes}")
    for path in ("/work", "/tmp"):
        os.mkdir("/space" + path, 0o700)
        if uid:
            os.chown("/space" + path, uid, uid)
        libc.mount("/space" + path, path, flags=libc.MS_BIND)
    libc.unmount("/space", libc.MNT_DETACH)


def _hosts(tree: Tree) -> Iterable[str]:
    yield from (host for host, _ in tree["binds"])
    yield from tree["devices"]


def _create(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _bind(descriptor: int, target: str, flags: int) -> None:
    source = f"/proc/self/fd/{descriptor}"
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        _create(target)
    libc.mount(source, target, flags=libc.MS_BIND)
    present = os.statvfs(target).f_flag
    kept = sum(mount_flag for stat_flag, mount_flag in _KEPT_FLAGS if present & stat_flag)
    libc.mount("none", target, flags=libc.MS_REMOUNT | libc.MS_BIND | libc.MS_NOSUID | flags | kept)


def _enter(root: str) -> None:
    os.chdir(root)
    # pivot_root(2): with "." for both, the old root is stacked on the new one and is then detached
    libc.pivot_root(".", ".")
    libc.unmount(".", libc.MNT_DETACH)
    os.chdir("/")

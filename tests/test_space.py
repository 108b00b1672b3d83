"""Level landlock: what a sandbox holds on a disk that nothing bounds is counted, hidden or not."""

import contextlib
import mmap
import os
from pathlib import Path

import pytest

from plugin.sandbox import space

KiB = 1024


def used(path: Path, *pids: int, max_entries: int = 1000) -> space.Held:
    return space.Space(str(path), 0, os.getpid(), 10**6, max_entries).held(pids)


def test_files_directories_and_links_count(tmp_path: Path) -> None:
    """Blocks, not lengths: a sparse file holds nothing; a hard link holds its file once more, which errs on the safe side."""
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "f").write_bytes(bytes(100 * KiB))
    (tmp_path / "link").symlink_to("/")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**9)
    found = used(tmp_path)
    assert found.entries == 5 and not found.opaque
    assert 100 * KiB <= found.size < 200 * KiB


def test_counting_stops(tmp_path: Path) -> None:
    """The walk is bounded by the limit that it looks for."""
    for number in range(50):
        (tmp_path / str(number)).touch()
    assert used(tmp_path, max_entries=20).entries == 21


def test_a_directory_that_may_not_be_listed_is_looked_into(tmp_path: Path) -> None:
    """Write and search rights are enough to hide files from a listing."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "f").write_bytes(bytes(300 * KiB))
    hidden.chmod(0o300)
    assert used(tmp_path).size >= 300 * KiB


def test_a_tree_too_deep_to_look_at_is_said_to_be(tmp_path: Path) -> None:
    """Each level costs a descriptor: beyond the bound the answer is that it cannot be told."""
    path = tmp_path
    for _ in range(space.MAX_DEPTH + 1):
        path = path / "d"
    path.mkdir(parents=True)
    assert used(tmp_path).opaque


@pytest.mark.parametrize("how", ["open", "mapped", "both, twice"])
def test_deleted_files_count_while_they_are_held(tmp_path: Path, how: str) -> None:
    """A name that is gone hides a file from the walk, not from the count; held several times it counts once."""
    with contextlib.ExitStack() as holds:
        with (tmp_path / "gone").open("w+b") as file:
            file.write(bytes(512 * KiB))
            file.flush()
            if how != "open":
                holds.enter_context(mmap.mmap(file.fileno(), 512 * KiB))
            for _ in range({"open": 1, "mapped": 0, "both, twice": 2}[how]):
                holds.callback(os.close, os.dup(file.fileno()))
        (tmp_path / "gone").unlink()
        assert 512 * KiB <= used(tmp_path, os.getpid()).size < 900 * KiB
        assert used(tmp_path).size < 100 * KiB

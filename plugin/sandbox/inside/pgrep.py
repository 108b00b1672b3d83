#!/venv/bin/python -IS
"""`pgrep -P PID` and no more: joblib ends its workers with it, and waits for them for ever where there is none."""

import os
import sys
from collections.abc import Iterator


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] != "-P":
        return 2  # as of wrong usage, pgrep(1)
    found = list(children(sys.argv[2]))
    sys.stdout.writelines(f"{pid}\n" for pid in found)
    return 0 if found else 1


def children(parent: str) -> Iterator[str]:
    """Processes of this sandbox that `parent` started and that are still there."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()  # proc(5): the name before may hold anything
        except OSError:  # it has ended meanwhile
            continue
        if fields[1] == parent:
            yield pid


if __name__ == "__main__":
    sys.exit(main())

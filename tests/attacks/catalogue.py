"""All attacks, category by category."""

from . import (
    descriptors,
    environment,
    forged_results,
    host_files,
    host_parser,
    internals,
    network,
    other_users,
    persistence,
    resources,
    syscalls,
)

_TABLES = [
    host_files,
    environment,
    network,
    descriptors,
    syscalls,
    other_users,
    persistence,
    forged_results,
    host_parser,
    internals,
    resources,
]

ATTACKS = [attack for module in _TABLES for attack in module.ATTACKS]

assert len({attack.name for attack in ATTACKS}) == len(ATTACKS), "two attacks of one name"

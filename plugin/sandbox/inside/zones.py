"""The time zone that a cell lives in."""

import os
import sys
import time

UTC = "UTC"
_SYSTEMS = "/usr/share/zoneinfo"


def enter(name: str) -> None:
    """Make local time that of a zone, for Python and for what reads TZ.

    Args:
        name: an IANA name, which the host has checked.
    """
    if name == UTC:
        return
    if not os.path.exists(f"{_SYSTEMS}/{name}"):  # then the C library reads those of the package tzdata
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        os.environ["TZDIR"] = f"{sys.prefix}/lib/{version}/site-packages/tzdata/zoneinfo"
    os.environ["TZ"] = name
    time.tzset()

"""The numbers that tool definitions mention: the operator's, written into descriptions and schemas alike."""

from dataclasses import dataclass
from math import isfinite

MIB = 1024 * 1024
KB = 1000  # output is counted in thousands, as CONTRACT has it
SHORTEST_TIMEOUT = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a call may use and how long its files live. The defaults are those of the plugin's Settings.

    Attributes:
        max_timeout: the most seconds a call may ask for.
        timeout: seconds of a call that asks for none.
        max_output_bytes: of output, before it is cut.
        memory_bytes: of a sandbox.
        max_code_bytes: of source, as UTF-8.
        file_hours: for which a file is kept; None or a negative number for ever.
        packages: what code can import besides the standard library.

    Raises:
        ValueError: a limit is not a positive, finite number.
    """

    max_timeout: float = 300
    timeout: float = 60
    max_output_bytes: int = 100 * KB
    memory_bytes: int = 512 * MIB
    max_code_bytes: int = MIB
    file_hours: float | None = 48
    packages: tuple[str, ...] = (
        "numpy",
        "pandas",
        "matplotlib",
        "seaborn",
        "openpyxl",
        "pillow",
        "scipy",
        "scikit-learn",
    )

    def __post_init__(self) -> None:
        for name in ("max_timeout", "timeout", "max_output_bytes", "memory_bytes", "max_code_bytes"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive, finite number, not {value}")

    def number(self, name: str) -> float:
        """The number that a definition's `bounded` table names; whole ones as int, so that JSON says 60 and not 60.0.

        An operator who lowers only the maximum gets a default and a minimum that keep below it.
        """
        numbers = {
            "min_timeout": min(SHORTEST_TIMEOUT, self.max_timeout),
            "max_timeout": self.max_timeout,
            "timeout": min(self.timeout, self.max_timeout),
        }
        value = numbers[name]
        return int(value) if value == int(value) else value

    def words(self) -> dict[str, str]:
        """What stands for each placeholder of a description."""
        return {
            "min_timeout": str(self.number("min_timeout")),
            "max_timeout": str(self.number("max_timeout")),
            "timeout": str(self.number("timeout")),
            "max_output_bytes": _size(self.max_output_bytes, KB, "KB"),
            "memory_bytes": _size(self.memory_bytes, MIB, "MiB"),
            "kept": _kept(self.file_hours),
            "packages": ", ".join(self.packages),
        }


DEFAULT = Bounds()


def _size(count: int, unit: int, name: str) -> str:
    return f"{count // unit} {name}" if count >= unit else f"{count} bytes"


def _kept(hours: float | None) -> str:
    if hours is None or hours < 0:
        return "kept until it is deleted"
    return f"kept for {hours:g} hours"

import enum
import typing
from typing import Generic, Literal, NamedTuple, Protocol, TypedDict, TypeVar, get_type_hints


class Color(enum.Enum):
    RED = 1
    GREEN = enum.auto()
    CRIMSON = 1


class Permission(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Level(enum.IntEnum):
    LOW, HIGH = 1, 5


class Name(enum.StrEnum):
    ANN = enum.auto()


print(list(Color), Color.CRIMSON is Color.RED, Color["GREEN"], Color(2).name, Permission.READ | Permission.WRITE)
print(Level.HIGH > 3, f"{Name.ANN}", repr(Level.LOW), Color.__members__.keys())
T = TypeVar("T")


class Stack(Generic[T]):
    def __init__(self) -> None:
        self.items: list[T] = []


@typing.runtime_checkable
class Sized(Protocol):
    def __len__(self) -> int: ...


class Row(NamedTuple):
    id: int
    name: str = "?"


class Movie(TypedDict, total=False):
    title: str
    year: int


def f(a: int, b: "Row | None" = None, *, mode: Literal["r", "w"] = "r") -> list[str]: ...


print(get_type_hints(f), isinstance([], Sized), Row(1), Movie(title="x"), Stack[int], typing.get_args(dict[str, int]))
print(Stack[int]().__orig_class__, Row.__annotations__, typing.Optional[int], Movie.__optional_keys__ == {"title", "year"})

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field


@dataclass(order=True)
class Animal:
    name: str
    legs: int = 4
    tags: list[str] = field(default_factory=list, compare=False)

    def __post_init__(self):
        if self.legs < 0:
            raise ValueError("legs")


@dataclass
class Dog(Animal):
    breed: str = "mutt"
    secret: str = field(default="x", repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float = 0.0


dog = Dog("Rex", tags=["good"], breed="lab", secret="bone")
print(dog, dataclasses.asdict(dog), sorted([Animal("b"), Animal("a", 2)]))
print(dataclasses.replace(dog, name="Max"), [f.name for f in dataclasses.fields(Dog)], dog == copy.deepcopy(dog))
try:
    Point(1, 2).x = 5
except dataclasses.FrozenInstanceError as error:
    print(type(error).__name__, error)
print(hash(Point(1)) == hash(Point(1)), hasattr(Point(1), "__dict__"), pickle.loads(pickle.dumps([dog, Point(3)])))
print(dataclasses.make_dataclass("Made", [("a", int), ("b", str, "z")])(1), dataclasses.astuple(Point(1, 2)))
match Point(1, 0):
    case Point(x=0):
        print("on the y axis")
    case Point(x, 0.0) if x > 0:
        print("right", x)

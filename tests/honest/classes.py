import abc
import functools


class Registry(type):
    known = {}

    def __new__(mcls, name, bases, namespace, **options):
        cls = super().__new__(mcls, name, bases, namespace)
        mcls.known[name] = options
        return cls


class Base(metaclass=Registry):
    def __init_subclass__(cls, **kwargs):
        print("subclass", cls.__name__)


class Child(Base, flavour="mint"):
    pass


class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError(f"{self.name[1:]} must be positive")
        setattr(instance, self.name, value)


class Shape(abc.ABC):
    side = Positive()

    def __init__(self, side):
        self.side = side

    @property
    @abc.abstractmethod
    def area(self): ...

    @classmethod
    def unit(cls):
        return cls(1)


class Square(Shape):
    area = functools.cached_property(lambda self: self.side**2)
    area.__set_name__(None, "area")

    def __repr__(self):
        return f"{type(self).__name__}({self.side})"

    def __add__(self, other):
        return Square(self.side + other.side)


print(Registry.known, Square(3).area, Square.unit() + Square(2), Square.__mro__)
for attempt in (lambda: Square(-1), lambda: Shape(1), lambda: Square(1).missing):
    try:
        attempt()
    except Exception as error:
        print(type(error).__name__, error)
print([name for name in dir(Square) if not name.startswith("__")], vars(Square(2)), callable(Square), Square)

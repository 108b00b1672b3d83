import functools
import inspect
import operator


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        print("call", function.__name__, args, kwargs)
        return function(*args, **kwargs)

    return wrapper


@logged
def greet(name: str, /, greeting: str = "Hello", *, loud: bool = False) -> str:
    """Greet somebody."""
    text = f"{greeting}, {name}"
    return text.upper() if loud else text


print(greet("Ann", loud=True), inspect.signature(greet), greet.__doc__, greet.__qualname__)


@functools.lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


print(fibonacci(200), fibonacci.cache_info())


@functools.singledispatch
def show(value):
    return f"object {value}"


@show.register
def _(value: int):
    return f"int {value}"


@show.register(list)
def _(value):
    return [show(item) for item in value]


print(show([1, "a", [2.5]]), functools.reduce(operator.mul, range(1, 6)), functools.partial(int, base=2)("1011"))
print(sorted(["b", "A", "c"], key=functools.cmp_to_key(lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))))
print(inspect.getsource(fibonacci.__wrapped__), inspect.getdoc(greet), inspect.isfunction(show))
bound = inspect.signature(greet).bind("Bob", greeting="Hi")
bound.apply_defaults()
print(bound.arguments, list(inspect.signature(greet).parameters.values())[0].kind)

import itertools
import operator
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple


def averager():
    total, count, average = 0, 0, None
    while True:
        value = yield average
        total, count = total + value, count + 1
        average = total / count


average = averager()
next(average)
print([average.send(n) for n in (10, 20, 60)])


def flatten(items):
    for item in items:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item


print(list(flatten([1, [2, [3, [4]], 5]])), sum(x * x for x in range(10)))
print(list(itertools.accumulate([1, 2, 3, 4], operator.mul)), list(itertools.pairwise("abcd")))
print(list(itertools.permutations("abc", 2))[:3], list(itertools.islice(itertools.count(5, 3), 4)))
print({k: list(g) for k, g in itertools.groupby(sorted(["apple", "avocado", "bean"]), key=lambda w: w[0])})
print(list(itertools.zip_longest([1, 2], "a", fillvalue="-")), list(itertools.product([0, 1], repeat=2)))
print(Counter("mississippi").most_common(2), Counter(a=3) - Counter(a=1), deque([1, 2, 3], maxlen=2))
tree = defaultdict(lambda: defaultdict(list))
tree["x"]["y"].append(1)
Point = namedtuple("Point", "x y", defaults=[0])
print({k: dict(v) for k, v in tree.items()}, Point(1)._replace(y=5))
print(Point(2)._asdict(), ChainMap({"a": 1}, {"a": 2, "b": 3})["b"])
ordered = OrderedDict.fromkeys("abc")
ordered.move_to_end("a")
print(list(ordered), [*range(3), *"xy"], {**{"a": 1}, "b": 2}, (lambda *a, k=1, **kw: (a, k, kw))(1, 2, z=3))

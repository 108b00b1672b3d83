import sys


def hanoi(n, a="A", b="B", c="C"):
    return 0 if n == 0 else hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)


def queens(n, columns=()):
    if len(columns) == n:
        return 1
    row = len(columns)
    safe = (c for c in range(n) if all(c != o and abs(c - o) != row - i for i, o in enumerate(columns)))
    return sum(queens(n, (*columns, c)) for c in safe)


def permutations(text):
    if len(text) < 2:
        return [text]
    return [c + rest for i, c in enumerate(text) for rest in permutations(text[:i] + text[i + 1 :])]


def ackermann(m, n):
    return n + 1 if m == 0 else ackermann(m - 1, 1 if n == 0 else ackermann(m, n - 1))


def endless(n):
    return endless(n + 1)


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


print(hanoi(10), queens(6), permutations("abc"), ackermann(2, 6), depth(900), sys.getrecursionlimit())
try:
    endless(0)
except RecursionError as error:
    print(error)
sys.setrecursionlimit(20_000)
print(depth(15_000))
nested = []
for _ in range(100):
    nested = [nested]
print(str(nested).count("["), repr(nested)[:3])
nested.append(nested)
print(repr(nested)[-8:])

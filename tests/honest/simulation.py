"""Conway's Game of Life, a random walk, and a bank: the programs of a first course."""

import random
import time
from itertools import product


def step(cells):
    around = [(dx, dy) for dx, dy in product((-1, 0, 1), repeat=2) if (dx, dy) != (0, 0)]
    counts = {}
    for x, y in cells:
        for dx, dy in around:
            counts[x + dx, y + dy] = counts.get((x + dx, y + dy), 0) + 1
    return {cell for cell, n in counts.items() if n == 3 or (n == 2 and cell in cells)}


cells = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
for _ in range(4):
    cells = step(cells)
for y in range(5):
    print("".join("#" if (x, y) in cells else "." for x in range(5)))

random.seed(2024)
x = y = 0
for _ in range(1000):
    dx, dy = random.choice([(0, 1), (0, -1), (1, 0), (-1, 0)])
    x, y = x + dx, y + dy
print("walked to", (x, y))


class Bank:
    def __init__(self):
        self.accounts: dict[str, float] = {}

    def transfer(self, source: str, target: str, amount: float) -> None:
        if self.accounts.get(source, 0) < amount:
            raise RuntimeError(f"{source} has only {self.accounts.get(source, 0):.2f}")
        self.accounts[source] -= amount
        self.accounts[target] = self.accounts.get(target, 0) + amount


bank = Bank()
bank.accounts["ann"] = 10
bank.transfer("ann", "bob", 2.5)
try:
    bank.transfer("bob", "ann", 99)
except RuntimeError as error:
    print("refused:", error)
print(bank.accounts, time.strftime("%Y") >= "2024")

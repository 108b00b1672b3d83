import random

import numpy as np

np.random.seed(42)
print(np.random.rand(3), np.random.randint(0, 100, 5), np.random.choice(["a", "b", "c"], 4))
rng = np.random.default_rng(2024)
print(rng.integers(1, 7, 10), rng.normal(size=3), rng.permutation(6))
state = np.random.RandomState(1)
print(state.standard_normal(2), state.poisson(3, 5))
random.seed("cellblock")
print(random.random(), random.sample(range(100), 5), random.gauss(0, 1))
deck = list(range(10))
random.shuffle(deck)
print(deck)
samples = np.random.default_rng(0).uniform(-1, 1, (100_000, 2))
print("pi is about", 4 * np.mean((samples**2).sum(axis=1) <= 1))
print(np.random.SeedSequence(5).spawn(2)[1].generate_state(2))

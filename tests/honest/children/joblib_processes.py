import os

import numpy as np
from joblib import Parallel, cpu_count, delayed


def row_sum(matrix, index):
    return float(matrix[index].sum())


class Model:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x


matrix = np.arange(200_000, dtype=float).reshape(4, -1)
with Parallel(n_jobs=2) as parallel:
    print(parallel(delayed(row_sum)(matrix, index) for index in range(4)))
    print(parallel(delayed(Model(3))(x) for x in range(5)), os.getpid() in parallel(delayed(os.getpid)() for _ in range(2)))
print(Parallel(n_jobs=2, backend="threading")(delayed(abs)(x) for x in (-1, -2)), cpu_count() >= 1)

import numpy as np

a = np.arange(24).reshape(2, 3, 4)
print(a.sum(axis=(0, 2)), a.transpose(2, 0, 1).shape, a[..., ::2].strides, a.flags["C_CONTIGUOUS"])
print(np.where(a % 5 == 0)[2], a[a > 20], np.unique([3, 1, 2, 3], return_counts=True))
print(np.einsum("ijk,ijk->i", a, a), np.tensordot(a, a, axes=3), np.broadcast_to([1, 2], (2, 2)).tolist())
people = np.array([("Ann", 31, 1.68), ("Bob", 27, 1.80)], dtype=[("name", "U10"), ("age", "i4"), ("height", "f8")])
print(np.sort(people, order="age"), people["height"].mean(), people.dtype)
with np.errstate(divide="ignore", invalid="ignore"):
    print(np.array([1.0, 0.0, -1.0]) / 0, np.log(np.array([0.0, 1.0])))
print(np.ma.masked_invalid([1, np.nan, 3]).mean(), np.datetime64("2024-02-28") + np.arange(3))
print(np.array2string(np.linspace(0, 1, 1001), threshold=6, precision=3), np.float32(0.1), repr(np.float64(0.1)))
print(np.array([300]).astype(np.uint8), np.iinfo(np.int64).max, np.finfo(float).eps, np.result_type(np.int8, np.float16))
print(np.vectorize(lambda x: x**2, otypes=[int])([1, 2, 3]), np.fromiter((i * i for i in range(4)), dtype=float))

import numpy as np

a = np.array([[4.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 4.0]])
b = np.array([11.0, -16.0, 17.0])

x = np.linalg.solve(a, b)
print("x =", x.round(6), np.allclose(a @ x, b))
print("det =", round(float(np.linalg.det(a)), 6), "rank =", np.linalg.matrix_rank(a))
print("eigenvalues", np.linalg.eigvalsh(a).round(5))
u, s, vt = np.linalg.svd(a)
print("singular values", s.round(5), np.allclose(u @ np.diag(s) @ vt, a))
q, r = np.linalg.qr(a)
print(np.allclose(q @ r, a), np.abs(np.diag(r)).round(4))
print(np.linalg.lstsq(np.c_[np.arange(5), np.ones(5)], np.array([1, 3, 5, 7, 9.5]), rcond=None)[0].round(4))
big = np.random.default_rng(0).standard_normal((300, 300))
print((big @ big.T).trace().round(6), np.linalg.cond(a).round(6))
try:
    np.linalg.inv(np.zeros((2, 2)))
except np.linalg.LinAlgError as error:
    print("LinAlgError:", error)

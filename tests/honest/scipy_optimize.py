import numpy as np
from scipy import integrate, interpolate, optimize


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


found = optimize.minimize(rosenbrock, [-1.2, 1.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-8})
print(found.success, found.x.round(5), found.message)
print(optimize.brentq(lambda x: x**3 - 2, 0, 2), optimize.root(np.cos, 1.0).x.round(8))

x = np.linspace(0, 4, 50)
y = 2.5 * np.exp(-1.3 * x) + 0.5 + np.random.default_rng(0).normal(scale=0.01, size=50)
params, covariance = optimize.curve_fit(lambda t, a, b, c: a * np.exp(-b * t) + c, x, y)
print(params.round(3), np.sqrt(np.diag(covariance)).round(4))
print(optimize.linprog([-1, -2], A_ub=[[1, 1], [1, -1]], b_ub=[4, 2]).x)
print([round(v, 10) for v in integrate.quad(lambda t: np.exp(-(t**2)), -np.inf, np.inf)])
solution = integrate.solve_ivp(lambda t, s: [s[1], -s[0]], (0, 10), [1, 0], rtol=1e-8, t_eval=[0, 5, 10])
print(solution.y.round(5))
print(interpolate.CubicSpline([0, 1, 2, 3], [0, 1, 8, 27])(1.5), interpolate.interp1d([0, 1], [5, 7])(0.25))

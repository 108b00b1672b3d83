import cmath
import decimal
import fractions
import math
import numbers
import statistics

decimal.getcontext().prec = 50
print(decimal.Decimal(2).sqrt(), decimal.Decimal("0.1") + decimal.Decimal("0.2"))
print(decimal.Decimal("2.675").quantize(decimal.Decimal("0.01")))
print(fractions.Fraction(1, 3) + fractions.Fraction(1, 6))
print(fractions.Fraction("3.125"), fractions.Fraction(math.pi).limit_denominator(1000))
data = [2.5, 3.25, 5.5, 11.25, 11.25]
print(statistics.mean(data), statistics.median(data), statistics.stdev(data))
print(statistics.mode(data), statistics.quantiles(data))
print(statistics.linear_regression([1, 2, 3], [2, 4, 6.5]), statistics.NormalDist(100, 15).cdf(130))
print(math.factorial(30), math.comb(52, 5), math.gcd(84, 36), math.lcm(4, 6), math.isqrt(10**20), math.fsum([0.1] * 10))
print(math.sin(1), math.exp(1), math.gamma(0.5), math.erf(0.3))
print(math.hypot(3, 4, 12), math.dist((0, 0), (1, 1)), math.nextafter(1, 2))
print(cmath.sqrt(-1), cmath.polar(1 + 1j), cmath.exp(1j * cmath.pi), (3 + 4j) * (1 - 2j))
print(0.1 + 0.2, round(2.5), round(-1.5), -7 // 2, -7 % 3, divmod(17, 5), float("nan") == float("nan"), 1e308 * 10)
print(2**200, pow(3, 1000, 1009), pow(3, -1, 11), (12345).bit_length())
print(0b1010 ^ 0xF, ~5, int("zz", 36), isinstance(3, numbers.Integral))
try:
    1 / 0
except ZeroDivisionError as error:
    print(type(error).__name__, error)
print((0.1).hex(), (0.75).as_integer_ratio(), f"{1234567.891:,.2f} {0.000012345:.3e} {255:#x} {255:08b} {0.256:.1%}")

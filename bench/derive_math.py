"""The constants of `src/unrolled/compiler/c/real.h`, derived: run it and compare.

Each polynomial is the one of its degree whose largest relative error is least, found by Lawson's
iteration (least squares whose weights grow where the error is large). Its coefficients are rounded
to the precision one after the other, and those that are left are fitted again each time, so that
the rounding costs nothing. Takes a few seconds.
"""

from collections.abc import Callable

import mpmath as mp
from mpmath import mpf

NODES, STEPS = 80, 30
SPLIT = {24: 15, 53: 42}
"""Bits of the first part of log 2: times any exponent, it is exact."""


def round_to(bits: int, value: mpf) -> mpf:
    with mp.workprec(bits):
        return +value


def lawson(columns: list[list[mpf]], wanted: list[mpf], weights: list[mpf]) -> list[mpf]:
    """The combination of columns with the least largest weighted error from what is wanted."""
    shares = [mpf(1)] * len(wanted)
    best, least = [], mp.inf
    for _ in range(STEPS):
        squares = [share * weight**2 for share, weight in zip(shares, weights, strict=True)]
        scaled = [[s * v for s, v in zip(squares, one, strict=True)] for one in columns]
        normal = mp.matrix([[mp.fdot(one, other) for other in columns] for one in scaled])
        solution = list(mp.lu_solve(normal, mp.matrix([mp.fdot(one, wanted) for one in scaled])))
        fitted = [mp.fdot(solution, row) for row in zip(*columns, strict=True)]
        errors = [abs(w * (f - v)) for w, f, v in zip(weights, fitted, wanted, strict=True)]
        if max(errors) < least:
            best, least = solution, max(errors)
        shares = [share * error for share, error in zip(shares, errors, strict=True)]
        total = mp.fsum(shares)
        shares = [share / total for share in shares]
    return best


def fit(
    function: Callable[[mpf], mpf], constant: int, degree: int, highest: mpf, bits: int
) -> tuple[list[mpf], mpf]:
    """Coefficients of z, z², ... beside the constant for z in 0 .. highest; the relative error."""
    points = [highest * (1 - mp.cos(mp.pi * (k + mpf(0.5)) / NODES)) / 2 for k in range(NODES)]
    values = [function(point) for point in points]
    weights = [1 / abs(value) for value in values]
    left = [value - constant for value in values]
    rounded: list[mpf] = []
    for first in range(1, degree + 1):
        columns = [[point**power for point in points] for power in range(first, degree + 1)]
        rounded.append(round_to(bits, lawson(columns, left, weights)[0]))
        left = [rest - rounded[-1] * power for rest, power in zip(left, columns[0], strict=True)]
    return rounded, max(abs(w * rest) for w, rest in zip(weights, left, strict=True))


def coth(z: mpf) -> mpf:
    """The even function r / tanh(r / 2), where z = r²."""
    return mp.sqrt(z) * mp.coth(mp.sqrt(z) / 2)


def atanh(z: mpf) -> mpf:
    """Twice the inverse of tanh at s, over s, where z = s²."""
    return 2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z)


def report(name: str, numbers: list[mpf], note: str = "") -> None:
    print(f"  {name}{note}")
    for number in numbers:
        print(f"    {float(number).hex():28} {mp.nstr(number, 17)}")


def main() -> None:
    mp.mp.dps = 60
    slack = 1 + mpf(2) ** -15  # an argument is reduced with a rounding error
    widest_r = mp.log(2) / 2 * slack
    widest_s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * slack
    for bits, coth_degree, atanh_degree in ((24, 2, 3), (53, 5, 7)):
        print("float" if bits == 24 else "double")
        high = round_to(SPLIT[bits], mp.log(2))
        report("LN2_HIGH, LN2_LOW", [high, round_to(bits, mp.log(2) - high)])
        report("LN2, LOG2_E", [round_to(bits, mp.log(2)), round_to(bits, 1 / mp.log(2))])
        for name, function, degree, widest in (
            ("r coth(r / 2) - 2, by powers of r²", coth, coth_degree, widest_r),
            ("2 atanh(s) / s - 2, by powers of s²", atanh, atanh_degree, widest_s),
        ):
            numbers, error = fit(function, 2, degree, widest**2, bits)
            report(name, numbers, f": relative error {mp.nstr(error * 2**bits, 2)} / 2^{bits}")


if __name__ == "__main__":
    main()

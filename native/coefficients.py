"""Fit the polynomials of `src/elementary.h` (needs mpmath); prints them with their errors.

- ``exp``: (e^r - 1 - r)/r^2 on |r| <= ln(2)/2, in powers of r.
- ``erfcx``: (1 + 2x) e^(x^2) erfc(x) for x >= 0, in powers of t = (x - 3.75)/(x + 3.75), which
  maps the half line to [-1, 1) (Shepherd and Laframboise, Mathematics of Computation 36, 1981).
"""

from mpmath import chebyfit, erfc, exp, expm1, log, mp, mpf, nstr

mp.dps = 50
K = mpf("3.75")


def exp_tail(r):
    """Return (e^r - 1 - r)/r^2, by its series near zero."""
    if abs(r) < mpf("1e-8"):
        return mpf(1) / 2 + r / 6
    return (expm1(r) - r) / r**2


def erfcx_of_t(t):
    """Return (1 + 2x) e^(x^2) erfc(x) as a function of t."""
    if 1 - t < mpf("1e-12"):
        return mpf(2) / mp.sqrt(mp.pi)
    x = K * (1 + t) / (1 - t)
    if x > 100:
        # The asymptotic series, where e^(x^2) is beyond all measure.
        series = sum((-1) ** n * mp.fac2(2 * n - 1) / (2 * x * x) ** n for n in range(12))
        return (1 + 2 * x) / (x * mp.sqrt(mp.pi)) * series
    return (1 + 2 * x) * exp(x * x) * erfc(x)


def show(name, function, interval, terms, digits):
    """Print coefficients from the constant upwards and the largest error."""
    coefficients, error = chebyfit(function, interval, terms, error=True)
    print(f"// {name}: error {nstr(error, 3)}")
    print(", ".join(nstr(c, digits) for c in reversed(coefficients)))


if __name__ == "__main__":
    half = log(2) / 2
    show("exp float32", exp_tail, [-half, half], 5, 10)
    show("exp float64", exp_tail, [-half, half], 11, 20)
    show("erfcx float32", erfcx_of_t, [-1, 1], 13, 10)
    show("erfcx float64", erfcx_of_t, [-1, 1], 28, 20)

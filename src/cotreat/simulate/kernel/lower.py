"""How each function of mathematics is computed: by operations that every back end rounds alike.

In float32 a function is a polynomial with exact scaling, within 2 units in the last place in its domain, so that all
lanes of a vector do the same and the result does not depend on a library. In float64 (used to tell rounding from
logic) it is the function of ``math``. Domain: exp is cut at -87.3 and 88.3; sine and cosine for |x| < 8,000. A division
by zero, or a root or logarithm of a negative number, is not a number, and the run reports it.

Polynomials: Cephes mathematical library (S. Moshier), single precision. First guess of the reciprocal square root:
Walczyk, Moroz and Cieslinski 2021 (doi:10.3390/e23010086), then one step of third order.
"""

from __future__ import annotations

import math

from cotreat.simulate.kernel.graph import Graph

_MAGIC = 12582912.0
"""1.5 x 2^23: adding it rounds a float32 below 2^22 to a whole number, which then lies in its lowest bits."""
_LN2 = (0.693359375, -2.12194440e-4)
_HALF_PI = (1.5703125, 4.837512969970703125e-4, 7.549789948768648e-8)
_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def _fma(g: Graph, a: int, b: int, c: int) -> int:
    return g.add("fma", a, b, c)


def _polynomial(g: Graph, coefficients: tuple[float, ...], x: int) -> int:
    value = g.like(coefficients[0], x)
    for c in coefficients[1:]:
        value = _fma(g, value, x, g.like(c, x))
    return value


def _bits(g: Graph, x: int, kind: str) -> int:
    return g.add("bits", x, kind=kind)


def _word(g: Graph, value: int) -> int:
    return g.literal(value, "u32")


def maximum(g: Graph, a: int, b: int) -> int:
    """The larger of two; not a number if either is not."""
    return _extreme(g, a, b, swap=False)


def minimum(g: Graph, a: int, b: int) -> int:
    """The smaller of two; not a number if either is not."""
    return _extreme(g, a, b, swap=True)


def _extreme(g: Graph, a: int, b: int, *, swap: bool) -> int:
    if g.constant(a) is not None:
        a, b = b, a
    chosen = g.add("select", g.add("lt", b, a) if swap else g.add("lt", a, b), b, a)
    return chosen if g.constant(b) is not None else g.add("select", g.add("eq", b, b), chosen, b)


def reciprocal(g: Graph, x: int) -> int:
    """1 / x: a guess from the bits, then two steps of third order."""
    one = g.like(1.0, x)
    if g.kind(x) == "f64" or g.constant(x) is not None:
        return g.add("div", one, x)
    y = _bits(g, g.add("sub", _word(g, 0x7EF311C7), _bits(g, x, "u32")), "f32")
    for _ in range(2):
        e = _fma(g, g.add("neg", x), y, one)
        y = _fma(g, y, _fma(g, e, e, e), y)
    return y


def divide(g: Graph, a: int, b: int) -> int:
    """a / b, as a times the reciprocal of b: one reciprocal then serves several divisions."""
    return g.add("mul", a, reciprocal(g, b))


def reciprocal_root(g: Graph, x: int) -> int:
    """1 / sqrt(x)."""
    one = g.like(1.0, x)
    if g.kind(x) == "f64":
        return g.add("div", one, g.add("sqrt", x))
    half = g.add("shr", _bits(g, x, "u32"), _word(g, 1))
    y = _bits(g, g.add("sub", _word(g, 0x5F1FFFF9), half), "f32")
    y2 = g.add("mul", y, y)
    y = g.add("mul", g.add("mul", y, g.like(0.703952253, x)), _fma(g, g.add("neg", x), y2, g.like(2.38924456, x)))
    e = _fma(g, g.add("neg", g.add("mul", x, y)), y, one)
    y = _fma(g, g.add("mul", y, e), _fma(g, e, g.like(0.375, x), g.like(0.5, x)), y)
    return g.add("select", g.add("le", g.like(0.0, x), x), y, g.like(math.nan, x))


def root(g: Graph, x: int) -> int:
    """sqrt(x)."""
    if g.kind(x) == "f64":
        return g.add("sqrt", x)
    y = reciprocal_root(g, x)
    r = g.add("mul", x, y)
    return _fma(g, _fma(g, g.add("neg", r), r, x), g.add("mul", y, g.like(0.5, x)), r)


def _scaled_exp(g: Graph, x: int) -> tuple[int, int]:
    """exp(r) - 1 and 2^n with x = r + n ln 2."""
    x = g.add("select", g.add("lt", x, g.like(-87.3, x)), g.like(-87.3, x), x)
    x = g.add("select", g.add("lt", g.like(88.3, x), x), g.like(88.3, x), x)
    t = _fma(g, x, g.like(math.log2(math.e), x), g.like(_MAGIC, x))
    n = g.add("sub", t, g.like(_MAGIC, x))
    r = x
    for part in _LN2:
        r = _fma(g, n, g.like(-part, x), r)
    p = _fma(g, _polynomial(g, _EXP, r), g.add("mul", r, r), r)
    scale = g.add("add", g.add("shl", _bits(g, t, "u32"), _word(g, 23)), _word(g, 0x3F800000))
    return p, _bits(g, scale, "f32")


def exp(g: Graph, x: int) -> int:
    """e^x."""
    if g.kind(x) == "f64":
        return g.add("exp", x)
    p, scale = _scaled_exp(g, x)
    return _fma(g, p, scale, scale)


def expm1(g: Graph, x: int) -> int:
    """e^x - 1, with full precision near 0."""
    if g.kind(x) == "f64":
        return g.add("expm1", x)
    p, scale = _scaled_exp(g, x)
    return _fma(g, p, scale, g.add("sub", scale, g.like(1.0, x)))


def log(g: Graph, x: int) -> int:
    """Natural logarithm of a normal positive number."""
    if g.kind(x) == "f64":
        return g.add("log", x)
    near = _word(g, 0x3F3504F3)  # sqrt(1/2)
    t = g.add("sub", _bits(g, x, "u32"), near)
    exponent = g.add("convert", g.add("shr", g.add("convert", t, kind="i32"), g.literal(23, "i32")), kind="f32")
    m = g.add("sub", _bits(g, g.add("add", g.add("and", t, _word(g, 0x7FFFFF)), near), "f32"), g.like(1.0, x))
    z = g.add("mul", m, m)
    y = g.add("mul", g.add("mul", _polynomial(g, _LOG, m), m), z)
    y = _fma(g, exponent, g.like(_LN2[1], x), y)
    y = _fma(g, z, g.like(-0.5, x), y)
    y = _fma(g, exponent, g.like(_LN2[0], x), g.add("add", m, y))
    return g.add("select", g.add("lt", g.like(0.0, x), x), y, g.like(math.nan, x))


def log1p(g: Graph, x: int) -> int:
    """log(1 + x), with full precision near 0."""
    if g.kind(x) == "f64":
        return g.add("log1p", x)
    u = g.add("add", x, g.like(1.0, x))
    d = g.add("sub", u, g.like(1.0, x))
    return g.add("select", g.add("eq", d, g.like(0.0, x)), x, g.add("mul", log(g, u), divide(g, x, d)))


def tanh(g: Graph, x: int) -> int:
    """Hyperbolic tangent."""
    if g.kind(x) == "f64":
        return g.add("tanh", x)
    x = maximum(g, minimum(g, x, g.like(9.0, x)), g.like(-9.0, x))
    t = expm1(g, g.add("add", x, x))
    return divide(g, t, g.add("add", t, g.like(2.0, x)))


def logistic(g: Graph, x: int) -> int:
    """1 / (1 + e^-x)."""
    return reciprocal(g, g.add("add", exp(g, g.add("neg", x)), g.like(1.0, x)))


def power(g: Graph, x: int, n: int) -> int:
    """A whole power, by squaring."""
    if n == 0:
        return g.like(1.0, x)
    if n < 0:
        return reciprocal(g, power(g, x, -n))
    value, square = None, x
    while n:
        if n & 1:
            value = square if value is None else g.add("mul", value, square)
        n >>= 1
        square = g.add("mul", square, square) if n else square
    assert value is not None
    return value


def general_power(g: Graph, x: int, y: int) -> int:
    """x^y for positive x."""
    return exp(g, g.add("mul", y, log(g, x)))


def absolute(g: Graph, x: int) -> int:
    """|x|."""
    return g.add("select", g.add("lt", x, g.like(0.0, x)), g.add("neg", x), x)


def sign(g: Graph, x: int) -> int:
    """-1, 0 or 1."""
    zero = g.like(0.0, x)
    below = g.add("select", g.add("lt", x, zero), g.like(-1.0, x), x)
    return g.add("select", g.add("lt", zero, x), g.like(1.0, x), below)


def sine(g: Graph, x: int) -> int:
    """sin(x)."""
    return _circular(g, x, 0) if g.kind(x) == "f32" else g.add("sin", x)


def cosine(g: Graph, x: int) -> int:
    """cos(x)."""
    return _circular(g, x, 1) if g.kind(x) == "f32" else g.add("cos", x)


def _circular(g: Graph, x: int, quarter: int) -> int:
    """sin(x + quarter pi / 2): the quadrant, then the sine or cosine of what is left."""
    t = _fma(g, x, g.like(2.0 / math.pi, x), g.like(_MAGIC, x))
    n = g.add("sub", t, g.like(_MAGIC, x))
    r = x
    for part in _HALF_PI:
        r = _fma(g, n, g.like(-part, x), r)
    z = g.add("mul", r, r)
    s = _fma(g, g.add("mul", _polynomial(g, _SIN, z), z), r, r)
    c = _fma(g, g.add("mul", z, z), _polynomial(g, _COS, z), _fma(g, z, g.like(-0.5, x), g.like(1.0, x)))
    q = g.add("add", _bits(g, t, "u32"), _word(g, quarter))
    odd = g.add("ne", g.add("and", q, _word(g, 1)), _word(g, 0))
    turned = g.add("shl", g.add("and", q, _word(g, 2)), _word(g, 30))
    return _bits(g, g.add("xor", _bits(g, g.add("select", odd, c, s), "u32"), turned), "f32")

"""What every stake on a bounded mean grows to over many values: the costly part of the judge, done in few large steps.

Four values are multiplied out at once: (1 + s a)(1 + s b)(1 + s c)(1 + s d) is a polynomial in s whose coefficients
do not depend on the stake, so one product of small matrices gives it for all stakes.
"""

from __future__ import annotations

import numpy as np

from verdigris.core.stats.arrays import Floats, exponential
from verdigris.core.stats.capital import STAKES

_TOGETHER = 4
_HALVINGS = 3  # 4 * 2 ** 3 factors at most are multiplied before their logarithm is taken
_FAR = 1e9  # distances beyond it count as this one: so many factors stay in a float's range, and less is won, not more
_SLICE = 2048
_FEW = 100  # up to so many values their logarithms are cheaper one by one
_TINY = 1e-300

_POWERS: Floats = STAKES[:, None] ** np.arange(_TOGETHER + 1)


def log_products(distances: Floats) -> Floats:
    """For every stake s of STAKES: the logarithm of the product over all values v of (1 + s v).

    Shapes: distances (bets, n), result (bets, stakes). Values must be at least -1; they have no upper bound. Their
    order makes no difference but for rounding.
    """
    bets, n = distances.shape
    logs = np.zeros((bets, STAKES.size))
    for start in range(0, n, _SLICE):
        logs += _logs(distances[:, start : start + _SLICE])
    return logs


def factors(distances: Floats) -> Floats:
    """The products themselves, clipped as `exponential` does."""
    return exponential(log_products(distances))


def _logs(distances: Floats) -> Floats:
    n = distances.shape[1]
    if n <= _FEW:
        each: Floats = np.minimum(distances, _FAR)[:, None, :] * STAKES[:, None] + 1.0
        few: Floats = np.log(np.fmax(each, _TINY)).sum(axis=-1)
        return few
    halvings = min(_HALVINGS, (max(n - 1, 0) // _TOGETHER).bit_length())
    width = -(-n // (_TOGETHER << halvings)) << halvings
    terms = _POWERS @ _coefficients(distances, width)
    for _ in range(halvings):
        width >>= 1
        terms = terms[..., :width] * terms[..., width:]
    logs: Floats = np.log(np.fmax(terms, _TINY)).sum(axis=-1)
    return logs


def _coefficients(distances: Floats, width: int) -> Floats:
    """Of the polynomials of `width` groups of four, from the constant on: (bets, 5, width)."""
    bets, n = distances.shape
    padded = np.zeros((bets, _TOGETHER * width))  # a distance of 0 is a factor of 1
    np.minimum(distances, _FAR, out=padded[:, :n])
    a, b, c, d = (padded[:, place * width : (place + 1) * width] for place in range(_TOGETHER))
    sums, products, more, others = a + b, a * b, c + d, c * d
    result = np.empty((bets, _TOGETHER + 1, width))
    result[:, 0] = 1.0
    np.add(sums, more, out=result[:, 1])
    result[:, 2] = sums * more + products + others
    result[:, 3] = sums * others + products * more
    np.multiply(products, others, out=result[:, 4])
    return result

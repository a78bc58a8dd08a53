"""The one array type, and products of bets that stay finite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HUGE = 1e150
"""Capital is clipped here, far above any threshold, so that it stays a finite number."""

_LOG_HUGE = 300.0
_SLICE = 512


def product(stakes: Floats, values: Floats) -> Floats:
    """For every stake s: the product over all values v of (1 + s v), at most HUGE.

    Shapes: stakes (k,), values (n,), result (k,). Every 1 + s v must be at least 0.
    """
    result = np.ones(stakes.size)
    for start in range(0, values.size, _SLICE):
        terms = np.multiply.outer(values[start : start + _SLICE], stakes)
        terms += 1.0
        with np.errstate(over="ignore", under="ignore"):
            result *= np.multiply.reduce(terms, axis=0)
        np.minimum(result, HUGE, out=result)
    return result


def exponential(logs: Floats) -> Floats:
    """The exponential of `logs`, clipped so that it neither overflows nor vanishes."""
    return np.exp(np.minimum(np.maximum(logs, -_LOG_HUGE), _LOG_HUGE))

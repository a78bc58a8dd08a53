"""The one array type, and products of bets that stay finite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HUGE = 1e150
"""Capital is clipped here, far above any threshold, so that it stays a finite number."""

_LOG_HUGE = 300.0
_TINY = 1e-300
_SLICE = 2048
_HALVINGS = 5  # 32 factors are multiplied before their logarithm is taken: few enough not to leave a float's range


def log_products(stakes: Floats, values: Floats, centre: Floats) -> Floats:
    """For every stake s: the logarithm of the product over all values v of (1 + s (v - centre)).

    Shapes: stakes (bets, k), centre (bets,), values (n,) or (bets, n) for values of each bet's own; result (bets, k).
    Every factor must be at least 0. The order of the values makes no difference but for rounding.
    """
    base = 1.0 - stakes * centre[:, None]
    own = values.ndim == 2
    result = np.zeros(stakes.shape)
    for start in range(0, values.shape[-1], _SLICE):
        some = values[..., start : start + _SLICE]
        result += _log_products(stakes, some[:, None, :] if own else some, base)
    return result


def _log_products(stakes: Floats, values: Floats, base: Floats) -> Floats:
    n = values.shape[-1]
    halvings = min(_HALVINGS, (n - 1).bit_length())
    width = -(-n >> halvings)
    terms = np.ones((*stakes.shape, width << halvings))
    filled = terms[..., :n]
    with np.errstate(over="ignore", under="ignore"):
        np.multiply(stakes[..., None], values, out=filled)
        filled += base[..., None]
        for halving in range(halvings - 1, -1, -1):
            half = width << halving
            terms = terms[..., :half] * terms[..., half:]
        return np.log(np.maximum(terms, _TINY)).sum(axis=-1)  # type: ignore[no-any-return]


def exponential(logs: Floats) -> Floats:
    """The exponential of `logs`, clipped so that it neither overflows nor vanishes."""
    return np.exp(np.minimum(np.maximum(logs, -_LOG_HUGE), _LOG_HUGE))

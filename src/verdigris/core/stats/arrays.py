"""The one array type, and exponentials that stay finite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HUGE = 1e150
"""Capital is clipped here, far above any threshold, so that it stays a finite number."""

_LOG_HUGE = 300.0


def exponential(logs: Floats) -> Floats:
    """The exponential of `logs`, clipped so that it neither overflows nor vanishes."""
    return np.exp(np.minimum(np.maximum(logs, -_LOG_HUGE), _LOG_HUGE))

"""What all the words of the API share: views, bodies, and numbers that JSON can carry."""

from __future__ import annotations

import difflib
import math
import sys
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


def finite(value: Any) -> Any:
    """`value` with infinities at the largest double and what is not a number as None, through lists and objects."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else math.copysign(sys.float_info.max, value)
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


Evidence = Annotated[float | None, BeforeValidator(finite)]
"""An e-value: 1 says nothing, large speaks. None: not known."""

Number = Annotated[float | None, BeforeValidator(finite)]
"""A measured value; None: not known."""


class View(BaseModel):
    """Something answered."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Body(BaseModel):
    """Something asked. Unknown fields are refused, with the nearest right name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for name in value:
                if name not in cls.model_fields:
                    raise PydanticCustomError("unknown_field", "{text}", {"text": _unknown(str(name), cls)})
        return value


def _unknown(name: str, model: type[BaseModel]) -> str:
    short = name if len(name) <= 60 else name[:59] + "…"
    near = difflib.get_close_matches(name[:60], model.model_fields, n=1)
    meant = f"did you mean {near[0]!r}?" if near else "known are: " + (", ".join(model.model_fields) or "none")
    return f"unknown field {short!r}; {meant}"

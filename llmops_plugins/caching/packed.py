"""Many numbers in a readable file: base64 of 32-bit floats, since nobody reads them one by one."""

from __future__ import annotations

import base64
from typing import Annotated, Any, TypeAlias

import numpy as np
from pydantic import BeforeValidator, PlainSerializer

__all__ = ["PackedFloats"]


def _packed(value: Any) -> str:
    return base64.b64encode(np.asarray(value, dtype="<f4").tobytes()).decode("ascii")


def _unpacked(value: Any) -> Any:
    if not isinstance(value, str | list | np.ndarray):
        raise ValueError("must be numbers")
    data = (
        base64.b64decode(value, validate=True)
        if isinstance(value, str)
        else np.asarray(value, "<f4").tobytes()
    )
    numbers = np.frombuffer(data, dtype="<f4").astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("must be finite numbers")
    return numbers


PackedFloats: TypeAlias = Annotated[Any, BeforeValidator(_unpacked), PlainSerializer(_packed)]
"""A pydantic field that holds a flat float32 array."""

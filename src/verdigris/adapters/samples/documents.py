"""Samples and pairs as JSON documents, and back without loss; see `adapters/shapes.py`."""

from __future__ import annotations

import json

from verdigris.adapters.shapes import Damaged, shape_of
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.sample import Sample


def encode_sample(sample: Sample) -> bytes:
    return _encode(Sample, sample)


def decode_sample(document: bytes) -> Sample:
    """Raises: StoreUnreadable."""
    sample = _decode(Sample, document)
    if not isinstance(sample, Sample):
        raise TypeError("a sample's shape gives samples")
    return sample


def encode_pair(pair: ComparedPair) -> bytes:
    return _encode(ComparedPair, pair)


def decode_pair(document: bytes) -> ComparedPair:
    """Raises: StoreUnreadable."""
    pair = _decode(ComparedPair, document)
    if not isinstance(pair, ComparedPair):
        raise TypeError("a pair's shape gives pairs")
    return pair


def _encode(kind: type, value: object) -> bytes:
    # ASCII: answers may hold lone surrogates, which are no UTF-8.
    return json.dumps(shape_of(kind).encode(value), separators=(",", ":"), allow_nan=False).encode("ascii")


def _decode(kind: type, document: bytes) -> object:
    try:
        return shape_of(kind).decode(json.loads(document))
    except (Damaged, ValueError, RecursionError) as error:
        reason = error if isinstance(error, Damaged) else type(error).__name__
        raise StoreUnreadable(f"a kept {kind.__name__} is damaged: {reason}", hint="nothing but it is lost") from None

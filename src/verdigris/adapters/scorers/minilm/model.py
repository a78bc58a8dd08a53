"""The forward pass of a BERT encoder with mean pooling, in numpy.

Sources: Devlin et al. 2019 (arXiv 1810.04805) for the layers, Reimers & Gurevych 2019 (arXiv 1908.10084) for the pooling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from verdigris.adapters.scorers.minilm.pieces import Pieces
from verdigris.adapters.scorers.minilm.weights import Floats, read

MOST_PIECES = 256
"""Of a text; what comes later is not looked at. Models of this kind are trained on shorter ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MiniLM:
    """One model: its vocabulary, arrays, and numbers of layers and heads."""

    pieces: Pieces
    arrays: Mapping[str, Floats] = field(repr=False)
    layers: int
    heads: int
    tiny: float

    @classmethod
    def read(cls, folder: Path, *, sha256: str = "") -> MiniLM:
        """Raises: ValueError for a folder that holds no such model."""
        file = folder / "config.json"
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            layers, heads = int(said["num_hidden_layers"]), int(said["num_attention_heads"])
            tiny = float(said.get("layer_norm_eps", 1e-12))
        except OSError as error:
            raise ValueError(f"{file} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{file} describes no BERT model") from None
        model = cls(
            pieces=Pieces.read(folder / "vocab.txt"),
            arrays=read(folder / "model.safetensors", sha256=sha256),
            layers=layers,
            heads=heads,
            tiny=tiny,
        )
        try:
            model.embed("whole")
        except (KeyError, ValueError) as error:
            raise ValueError(f"{folder / 'model.safetensors'} is not the model of {file}: {error}") from None
        return model

    def embed(self, text: str) -> Floats:
        """The mean of the last layer over all pieces, of length 1."""
        states = self._begin(self.pieces.of(text, most=MOST_PIECES))
        for layer in range(self.layers):
            states = self._layer(states, f"encoder.layer.{layer}.")
        mean = states.mean(axis=0)
        length = float(np.linalg.norm(mean))
        return np.asarray(mean / length if length else mean, dtype=np.float32)

    def _begin(self, numbers: list[int]) -> Floats:
        words = self.arrays["embeddings.word_embeddings.weight"][numbers]
        places = self.arrays["embeddings.position_embeddings.weight"][: len(numbers)]
        kind = self.arrays["embeddings.token_type_embeddings.weight"][0]
        return self._normed(words + places + kind, "embeddings.LayerNorm.")

    def _layer(self, states: Floats, at: str) -> Floats:
        seen = self._dense(self._attended(states, f"{at}attention.self."), f"{at}attention.output.dense.")
        states = self._normed(states + seen, f"{at}attention.output.LayerNorm.")
        wide = _gelu(self._dense(states, f"{at}intermediate.dense."))
        return self._normed(states + self._dense(wide, f"{at}output.dense."), f"{at}output.LayerNorm.")

    def _attended(self, states: Floats, at: str) -> Floats:
        count, size = states.shape
        query, key, value = (
            self._dense(states, f"{at}{name}.").reshape(count, self.heads, -1).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(size // self.heads))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return np.asarray((weights @ value).transpose(1, 0, 2).reshape(count, size), dtype=np.float32)

    def _dense(self, states: Floats, at: str) -> Floats:
        return np.asarray(states @ self.arrays[f"{at}weight"].T + self.arrays[f"{at}bias"], dtype=np.float32)

    def _normed(self, states: Floats, at: str) -> Floats:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.tiny)
        return np.asarray(centred / spread * self.arrays[f"{at}weight"] + self.arrays[f"{at}bias"], dtype=np.float32)


def _gelu(values: Floats) -> Floats:
    return np.asarray(values * 0.5 * (1.0 + _erf(values / np.sqrt(np.float32(2.0)))), dtype=np.float32)


def _erf(values: Floats) -> Floats:
    """Within 1.5e-7. Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 7.1.26."""
    size = np.abs(values)
    t = 1.0 / (1.0 + 0.3275911 * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.asarray(np.sign(values) * (1.0 - series * np.exp(-size * size)), dtype=np.float32)

"""The `telemetry` of the file: what the answers look like, and what their tokens cost."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from verdigris.core.model.quality import CustomPrice
from verdigris.core.model.reading import Format
from verdigris.core.model.service import Fields, Telemetry
from verdigris.spec.types import Doc, Money, Word
from verdigris.spec.wrong import Wrong

AnswerFormat = Literal["auto", "openai-chat", "openai-responses", "anthropic", "gemini", "bedrock-converse", "fields"]
FORMATS: tuple[str, ...] = get_args(AnswerFormat)
MOST_PRICES = 200
_FIELDS = Fields()


class FieldsDoc(Doc):
    """Names of top-level members in the service's own JSON answers; `off` where there is none."""

    output: Word | None = _FIELDS.output
    cost: Word | None = _FIELDS.cost
    quality: Word | None = _FIELDS.quality
    strip: bool = _FIELDS.strip

    def model(self) -> Fields:
        output, cost, quality = (None if name == "off" else name for name in (self.output, self.cost, self.quality))
        return Fields(output=output, cost=cost, quality=quality, strip=self.strip)


class PriceDoc(Doc):
    """US dollars per million tokens. Tokens read from or written to a cache cost what `input` costs, unless said."""

    input: Money
    output: Money
    cache_read: Money | None = None
    cache_write: Money | None = None

    def model(self, name: str) -> CustomPrice:
        return CustomPrice(
            model=name, input=self.input, output=self.output, cache_read=self.cache_read, cache_write=self.cache_write
        )


def _model_name(name: str) -> str:
    if not name.strip() or len(name) > 200 or "*" in name[:-1]:
        raise Wrong("is not the name of a model", hint="write it as the answers do; it may end in `*`")
    return name


ModelName = Annotated[str, AfterValidator(_model_name)]


class TelemetryDoc(Doc):
    """`model` is what to price by where an answer does not name its model; `prices` come before the kept table."""

    format: AnswerFormat = "auto"
    fields: FieldsDoc = FieldsDoc()
    prices: Annotated[dict[ModelName, PriceDoc], Field(max_length=MOST_PRICES)] = Field(default_factory=dict)
    model: Word | None = None

    def made(self) -> Telemetry:
        return Telemetry(
            format="auto" if self.format == "auto" else Format(self.format),
            fields=self.fields.model(),
            prices=tuple(price.model(name) for name, price in self.prices.items()),
            model=self.model,
        )

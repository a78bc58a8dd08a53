"""The checks of the file: what must hold before any user sees the candidate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from verdigris.core.model.quality import CasesUse
from verdigris.spec.types import Doc, Score
from verdigris.spec.wrong import Wrong


class CasesCheckDoc(Doc):
    """The mean score of the cases in `quality.cases` that the candidate must reach."""

    min_score: Score = CasesUse(files=()).min_score


class CheckDoc(Doc):
    """One check; `cases` is the only kind so far."""

    cases: CasesCheckDoc


def _bare(value: Any) -> Any:
    """`- cases` says `- cases: {}`."""
    return {"cases": {}} if value == "cases" else value


def _once(checks: list[CheckDoc]) -> list[CheckDoc]:
    if len(checks) > 1:
        raise Wrong("stands twice", hint="take one out", at=(1, "cases"))
    return checks


_Check = Annotated[CheckDoc, BeforeValidator(_bare, json_schema_input_type=CheckDoc | Literal["cases"])]
ChecksValue = Annotated[list[_Check], Field(max_length=20), AfterValidator(_once)]

"""/v1/samples, /v1/pairs and what belongs to a rollout of them: what was copied, scored and compared."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from verdigris.api.asked import Asked, RolloutName
from verdigris.api.problems import documented
from verdigris.api.quality_views import SHORT, pair_view, quality_view, sample_view
from verdigris.controller.quality.face import QualityWork
from verdigris.controller.service import Controller
from verdigris.core.model.compared import PairKind
from verdigris.core.model.errors import NotFound, StoreError
from verdigris.wire import LONGEST_NAME, PairList, PairView, QualityView, SampleList

MOST_LISTED = 200

routes = APIRouter(prefix="/v1", tags=["quality"])

Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]
Before = Annotated[float | None, Query(ge=0, le=1e12, description="Only older ones: `before` of the last answer.")]
Name = Annotated[str, Query(max_length=LONGEST_NAME)]
PairName = Annotated[str, Path(max_length=LONGEST_NAME)]
Outcome = Literal["", "better", "worse", "tie", "failed", "unscored"]

_READ = documented(NotFound, StoreError)


@routes.get("/samples", responses=_READ)
async def list_samples(asked: Asked, environment: Name = "", before: Before = None, limit: Limit = 50) -> SampleList:
    """Samples that are kept, newest first, with shortened texts."""
    found = await _work(asked).browser.samples(environment=environment, before=before, limit=limit)
    if environment and not found and before is None:
        asked.service.environment(environment)  # samples of one that is gone are shown while there are some
    views = tuple(sample_view(sample, most=SHORT) for sample in found)
    return SampleList(samples=views, before=found[-1].at if len(found) == limit else None)


@routes.get("/rollouts/{rollout}/pairs", responses=_READ)
async def list_pairs(
    asked: Asked,
    rollout: RolloutName,
    *,
    kind: PairKind | Literal[""] = "",
    outcome: Outcome = "",
    before: Before = None,
    limit: Limit = 50,
) -> PairList:
    """A rollout's pairs that are kept, newest first, with shortened texts."""
    work, named = _work(asked), (await asked.rollout(rollout)).id
    found = await work.browser.pairs(named, kind=kind, outcome=outcome, before=before, limit=limit)
    return PairList(pairs=tuple(pair_view(pair, most=SHORT) for pair in found.pairs), before=found.before)


@routes.get("/pairs/{pair}", responses=_READ)
async def get_pair(asked: Asked, pair: PairName) -> PairView:
    """One pair whole: both answers, and what each scorer said of them."""
    return pair_view(await _work(asked).browser.pair(pair))


@routes.get("/rollouts/{rollout}/quality", responses=_READ)
async def get_quality(asked: Asked, rollout: RolloutName) -> QualityView:
    """What was sampled, scored, paired, dropped and spent, and how noisy stable's own answers are."""
    return quality_view(await _work(asked).summary((await asked.rollout(rollout)).id))


def _work(controller: Controller) -> QualityWork:
    if controller.quality is None:
        raise NotFound(
            f"service {controller.service.name!r} has no samples", hint="declare quality: in its configuration"
        )
    return controller.quality

"""The public API's words, version 1: what its JSON bodies look like, for the server and for the typed client alike.

Views are what is answered, bodies are what is asked. Times are ISO 8601 in UTC, durations seconds, weights percent,
steps numbered from 0. A client skips fields it does not know; a server refuses them and names the nearest right one.
JSON has no infinity: evidence that outgrew a double is sent as the largest double, and what is not a number is null.
"""

from __future__ import annotations

from verdigris.wire.asked import (
    LONGEST_NAME,
    LONGEST_REASON,
    MOST_STEPS,
    ApproveStepBody,
    NoWord,
    PauseStepBody,
    PolicyBody,
    ReasonWord,
    StartRollout,
    StepBody,
    StepWord,
    StrategyBody,
    WeightStepBody,
)
from verdigris.wire.base import Body, Evidence, Number, View, finite
from verdigris.wire.problems import FieldProblem, Problem
from verdigris.wire.rollouts import (
    CautionView,
    PolicyView,
    ReleaseView,
    RolloutList,
    RolloutView,
    SamplesView,
    SideView,
    StepView,
    VerdictView,
    WeightView,
)
from verdigris.wire.service import CostsView, GatewayView, HealthView, LiveView, SplitView, StatusView, TelemetryView
from verdigris.wire.why import (
    EstimateView,
    EventList,
    EventView,
    ExplanationView,
    FindingView,
    PairedView,
    RecordPage,
    SliceView,
)

__all__ = [
    "LONGEST_NAME",
    "LONGEST_REASON",
    "MOST_STEPS",
    "ApproveStepBody",
    "Body",
    "CautionView",
    "CostsView",
    "EstimateView",
    "EventList",
    "EventView",
    "Evidence",
    "ExplanationView",
    "FieldProblem",
    "FindingView",
    "GatewayView",
    "HealthView",
    "LiveView",
    "NoWord",
    "Number",
    "PairedView",
    "PauseStepBody",
    "PolicyBody",
    "PolicyView",
    "Problem",
    "ReasonWord",
    "RecordPage",
    "ReleaseView",
    "RolloutList",
    "RolloutView",
    "SamplesView",
    "SideView",
    "SliceView",
    "SplitView",
    "StartRollout",
    "StatusView",
    "StepBody",
    "StepView",
    "StepWord",
    "StrategyBody",
    "TelemetryView",
    "VerdictView",
    "View",
    "WeightStepBody",
    "WeightView",
    "finite",
]

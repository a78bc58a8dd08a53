"""Runs as data: JSON for programs, JUnit XML for build servers.

JUnit has no standard; this keeps to what Jenkins publishes as its schema (junit-10.xsd) and GitLab and others read.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

from verdigris.cases.model import CaseResult, CasesRun

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What may not stand in XML 1.0: https://www.w3.org/TR/xml/#charsets"""


def as_data(runs: Sequence[CasesRun]) -> dict[str, Any]:
    """`passed` is null where it hangs on what could not be judged."""
    return {"passed": passed(runs), "endpoints": [_run(run) for run in runs]}


def passed(runs: Sequence[CasesRun]) -> bool | None:
    """Of all endpoints together."""
    words = [run.passed for run in runs]
    return False if False in words else None if None in words or not words else True


def _run(run: CasesRun) -> dict[str, Any]:
    return {
        "endpoint": run.of,
        "passed": run.passed,
        "score": run.score,
        "min_score": run.min_score,
        "cost_usd": run.cost,
        "cases": [_case(result) for result in run.results],
    }


def _case(result: CaseResult) -> dict[str, Any]:
    return {
        "id": result.case.id,
        "place": result.case.place,
        "tags": list(result.case.tags),
        "weight": result.case.weight,
        "score": result.score,
        "why": result.why(),
        "status": result.status,
        "seconds": round(result.seconds, 3),
        "cost_usd": result.cost,
        "output": result.output,
        "rules": [
            {"rule": each.rule, "value": each.value, "said": each.said, "cost_usd": each.cost}
            for each in result.findings
        ],
    }


def junit(runs: Sequence[CasesRun]) -> bytes:
    """One suite an endpoint. A case below the score is a failure, one that could not be judged an error."""
    root = ET.Element("testsuites", {"name": "verdigris cases", **_counts(runs)})
    for run in runs:
        suite = ET.SubElement(root, "testsuite", {"name": _clean(run.of), **_counts([run])})
        properties = ET.SubElement(suite, "properties")
        score = "" if run.score is None else f"{run.score:.4f}"
        for name, value in (("score", score), ("min_score", f"{run.min_score:g}"), ("cost_usd", f"{run.cost:.6f}")):
            ET.SubElement(properties, "property", name=name, value=value)
        for result in run.results:
            _testcase(suite, run, result)
    ET.indent(root)
    made: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return made + b"\n"


def _counts(runs: Sequence[CasesRun]) -> dict[str, str]:
    return {
        "tests": str(sum(len(run.results) for run in runs)),
        "failures": str(sum(len(run.failed) for run in runs)),
        "errors": str(sum(len(run.unjudged) for run in runs)),
        "time": f"{sum(result.seconds for run in runs for result in run.results):.3f}",
    }


def _testcase(suite: ET.Element, run: CasesRun, result: CaseResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(result.case.place.rpartition(":")[0] or "cases"),
        name=_clean(result.case.id),
        time=f"{result.seconds:.3f}",
    )
    kind = "error" if result.score is None else "failure" if result in run.failed else ""
    if kind:
        score = "not judged" if result.score is None else f"score {result.score:.2f}, {run.min_score:g} is asked"
        problem = ET.SubElement(case, kind, type=kind, message=_clean(f"{score}: {result.why()}"))
        lines = [
            f"{'?' if each.value is None else f'{each.value:.2f}'}  {each.rule}: {each.said}"
            for each in result.findings
        ]
        problem.text = _clean("\n".join([*lines, result.case.place]))
    if result.output:
        ET.SubElement(case, "system-out").text = _clean(result.output)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)

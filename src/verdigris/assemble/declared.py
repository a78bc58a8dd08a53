"""What the file names but cannot check itself: scorers' options by their plugs, and the files of cases."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches

from verdigris import plugins
from verdigris.assemble.cases import cases_of
from verdigris.assemble.scorers import speaks_on
from verdigris.assemble.telemetry import prices_of
from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.paid import most_cost
from verdigris.core.model.quality import DEFAULT_BUDGET, ScorerUse
from verdigris.core.model.reading import Format, Reading
from verdigris.core.model.sample import Sample
from verdigris.ports import Prices
from verdigris.spec.load import Loaded
from verdigris.spec.scorers import ScorerDoc

_SAMPLE = Sample(
    id="",
    at=0.0,
    began=0.0,
    environment="",
    release="",
    route="",
    input="",
    output="",
    status=200,
    duration=0.0,
    reading=Reading(format=Format.FIELDS),
)
_EMPTY = ComparedPair(id="", rollout="", at=0.0, kind=PairKind.SHADOW, stable=_SAMPLE, other=_SAMPLE)


def check_declared(loaded: Loaded) -> tuple[str, ...]:
    """What is odd but allowed, in sentences. Raises: ConfigError, whose `errors` are all that is wrong, each with its place."""
    if loaded.service.quality is None:
        return ()
    errors: list[ConfigError] = []
    warnings: list[str] = []
    prices = prices_of(loaded.service)
    for index, use in enumerate(loaded.service.quality.scorers):
        try:
            warnings += _scorer(use, prices, has_pairs=loaded.service.quality.shadow is not None)
        except ConfigError as error:
            errors.append(_placed(loaded, index, use, error))
    try:
        cases_of(loaded.service)
    except ConfigError as error:
        errors += [each if each.file else _of_cases(loaded, each) for each in error.errors]
    if errors:
        raise ConfigError.together(errors)
    return tuple(warnings)


def _scorer(use: ScorerUse, prices: Prices, *, has_pairs: bool) -> Iterator[str]:
    plug = plugins.make(use.use, plugins.settled(use.use, use.options, use.folder))
    plug = plug.priced_by(prices) if hasattr(plug, "priced_by") else plug
    called = use.name or use.use
    if speaks_on(plug) == ("pairs",) and not has_pairs:
        yield (
            f"scorer {called} looks at pairs alone, and none are made: declare quality.shadow, or it is asked nothing of "
            "live traffic"
        )
    if not plug.is_free and most_cost(plug, _EMPTY) is None and (use.budget or DEFAULT_BUDGET).requests is None:
        yield (
            f"scorer {called} is never asked: what a word of it costs is not known; give a price, or allow requests in its "
            "budget, such as budget: { per_day: 5 USD, requests: 1000 }"
        )
    if use.budget is None and not plug.is_free:
        amount = f"{DEFAULT_BUDGET.per_day:g} USD/day"
        yield f"scorer {called} costs money and has no budget: it may spend {amount}; write budget: {amount}, or another"
    for option, variable in use.options.items():
        if option.endswith("_env") and isinstance(variable, str) and variable:
            yield from _variable(called, option, variable)


def _variable(called: str, option: str, variable: str) -> Iterator[str]:
    """The text is not told: where it is no variable's name, it may be the secret itself."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        raise ConfigError(
            f"option {option} of scorer {called} is not the name of an environment variable",
            key=option,
            hint="write the name of the variable that holds the secret, never the secret itself",
        )
    if not os.environ.get(variable):
        yield f"the environment variable that {option} of scorer {called} names is not set here: it would be asked without a key"


def _of_cases(loaded: Loaded, error: ConfigError) -> ConfigError:
    """The same where the files are named, in so far as it is not about what stands in one."""
    source = loaded.source
    return source.error(error.message, at=source.settle(("quality", "cases", "files")), hint=error.hint)


def _placed(loaded: Loaded, index: int, use: ScorerUse, error: ConfigError) -> ConfigError:
    """The same error at its line and column; an option may be a misspelt key that all scorers have."""
    at = ("quality", "scorers", index)
    source = loaded.source
    if not error.key:
        return source.error(error.message, at=source.settle((*at, "use")), hint=error.hint)
    place = source.settle((*at, *(int(part) if part.isdigit() else part for part in error.key.split("."))))
    own = get_close_matches(error.key, ScorerDoc.model_fields, n=1) if error.key in use.options else []
    hint = f'did you mean "{own[0]}"?' if own and "has no option" in error.message else error.hint
    return source.error(error.message, at=place, hint=hint, on_key="has no option" in error.message)

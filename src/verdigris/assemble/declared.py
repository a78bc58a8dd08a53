"""What the file names but cannot check itself: scorers' options by their plugs, and the files of cases."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from verdigris import plugins
from verdigris.assemble.cases import cases_of
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.quality import DEFAULT_BUDGET, ScorerUse
from verdigris.spec.load import Loaded
from verdigris.spec.scorers import ScorerDoc


def check_declared(loaded: Loaded) -> tuple[str, ...]:
    """What is odd but allowed, in sentences. Raises: ConfigError, whose `errors` are all that is wrong, each with its place."""
    if loaded.service.quality is None:
        return ()
    errors: list[ConfigError] = []
    warnings: list[str] = []
    for index, use in enumerate(loaded.service.quality.scorers):
        try:
            warnings += _scorer(use)
        except ConfigError as error:
            errors.append(_placed(loaded, index, use, error))
    try:
        cases_of(loaded.service)
    except ConfigError as error:
        errors += error.errors
    if errors:
        raise ConfigError.together(errors)
    return tuple(warnings)


def _scorer(use: ScorerUse) -> Iterator[str]:
    plug = plugins.make(use.use, use.options)
    if use.budget is None and not plug.is_free:
        amount = f"{DEFAULT_BUDGET.per_day:g} USD/day"
        yield f"scorer {use.name or use.use} costs money and has no budget: it may spend {amount}; write budget: {amount}, or another"


def _placed(loaded: Loaded, index: int, use: ScorerUse, error: ConfigError) -> ConfigError:
    """The same error at its line and column; an option may be a misspelt key that all scorers have."""
    at = ("quality", "scorers", index)
    source = loaded.source
    if not error.key:
        return source.error(error.message, at=source.settle((*at, "use")), hint=error.hint)
    place = source.settle((*at, *error.key.split(".")))
    own = get_close_matches(error.key, ScorerDoc.model_fields, n=1) if error.key in use.options else []
    hint = f'did you mean "{own[0]}"?' if own and "has no option" in error.message else error.hint
    return source.error(error.message, at=place, hint=hint, on_key="has no option" in error.message)

"""Who is stable, who may be candidate, and what the next rollout is called. Pure."""

from __future__ import annotations

from verdigris.core.model.environment import Environment
from verdigris.core.model.errors import ConfigError, Conflict, RolloutInProgress
from verdigris.core.model.rollout import Rollout, Side
from verdigris.core.model.service import Service
from verdigris.core.model.split import FULL, Share, Split


def stable_side(service: Service, latest: Rollout | None) -> Side:
    """The side that serves when nothing is rolled out, with the release that was rolled out to it."""
    if latest is not None:
        return latest.serving
    first = service.environments[0]
    return Side(environment=first.name, release=first.release)


def idle_split(service: Service) -> Split:
    """Everything to the first environment: the traffic of a service that never had a rollout."""
    first = service.environments[0]
    share = Share(environment=first.name, release=first.release.id, weight=FULL)
    return Split(shares=(share,), salt=service.name, sticky=service.gateway.sticky)


def desired_split(service: Service, latest: Rollout | None) -> Split:
    """What the data plane should do now."""
    if latest is None:
        return idle_split(service)
    known = {environment.name for environment in service.environments}
    if not latest.phase.is_final or known.issuperset(latest.split.weights):
        return latest.split
    # The other side has been taken out of the configuration since; it has no weight to lose.
    share = Share(environment=latest.serving.environment, release=latest.serving.release.id, weight=FULL)
    return Split(shares=(share,), salt=latest.salt, sticky=latest.sticky)


def require_way_back(service: Service, rollout: Rollout) -> None:
    """Raises: Conflict when the side to go back to has been taken out of the configuration."""
    if all(environment.name != rollout.stable.environment for environment in service.environments):
        raise Conflict(
            f"cannot roll back: environment {rollout.stable.environment} is no longer in the configuration",
            hint="put it back, start `verdigris up` again, and roll back then",
        )


def candidate_for(service: Service, latest: Rollout | None, to: str | None) -> Environment:
    """The environment a rollout to `to` would make stable. Raises: NotFound, Conflict."""
    stable = stable_side(service, latest).environment
    others = [environment for environment in service.environments if environment.name != stable]
    names = ", ".join(environment.name for environment in others)
    if to is None and len(others) != 1:
        raise Conflict("which environment is the candidate?", hint=f"name one with --to: {names}")
    candidate = others[0] if to is None else service.environment(to)
    if candidate.name == stable:
        raise Conflict(f"{stable} is the stable environment already", hint=f"the candidate is one of: {names}")
    return candidate


def refuse_second(latest: Rollout | None) -> None:
    """A service has one rollout at a time. Raises: RolloutInProgress."""
    if latest is not None and not latest.phase.is_final:
        raise RolloutInProgress(
            f"rollout {latest.id} is {latest.phase.value.replace('_', ' ')}",
            hint=f"wait for it, or end it with: verdigris rollout abort {latest.id}",
        )


def next_id(service: Service, latest: Rollout | None) -> str:
    """`SERVICE-N`, counted from 1."""
    return f"{service.name}-{int(latest.id.rpartition('-')[2]) + 1 if latest else 1}"


def require_environments(service: Service, latest: Rollout | None) -> None:
    """A rollout may not lose its environments to an edited file: traffic would be sent nowhere. Raises: ConfigError."""
    if latest is None:
        return
    needed = {latest.serving.environment} if latest.phase.is_final else set(latest.split.weights)
    missing = needed - {environment.name for environment in service.environments}
    if missing:
        names = ", ".join(sorted(missing))
        raise ConfigError(
            f"rollout {latest.id} uses environment {names}, which the configuration does not name",
            hint="put it back, or roll back first",
        )

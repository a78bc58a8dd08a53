"""The documentation keeps up: links lead somewhere, and whatever exists has its row. (Its blocks are run by Sybil.)"""

import json
import re
from pathlib import Path

import click
import pytest

from support.asgi import api_client
from support.documents import check_command, commands, is_configuration
from support.pages import DOCS, PAGES, ROOT, anchors, inline_code, links, name, rows, sections
from verdigris.api import problems
from verdigris.api.reasons import event_view
from verdigris.cli import app as cli
from verdigris.cli import follow
from verdigris.core.model import event as events
from verdigris.core.model.command import Topic
from verdigris.core.model.errors import VerdigrisError
from verdigris.core.model.metric import FAMILY_WEIGHTS, Metric
from verdigris.core.model.rollout import Phase
from verdigris.core.model.verdict import Outcome, Standing
from verdigris.core.rollout.readiness import Need
from verdigris.ports import Logged
from verdigris.testing import builders

REFERENCE = DOCS / "reference"
CLI, API, WORDS, METRICS = (REFERENCE / f"{page}.md" for page in ("cli", "api", "words", "metrics"))


# ------------------------------------------------------------------ links and images


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)} links to {path}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{name(page)} links to {link}, but there is no such heading"


def test_the_index_names_every_page():
    index = DOCS / "README.md"
    named = {(DOCS / link.partition("#")[0]).resolve() for link in links(index)}
    missing = [name(page) for page in PAGES if DOCS in page.parents and not named & {page, page.parent}]
    assert missing == [name(index)]


def test_every_image_is_shown_and_described():
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    for image in (DOCS / "images").iterdir():
        assert image in shown, f"{image.name} is shown nowhere"
        assert {"<title ", "<desc "} <= set(re.findall(r"<\w+ ", image.read_text())), f"{image.name} is not described"


# ------------------------------------------------------------------ commands in the text


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_named_in_the_text_exist(page):
    for code in inline_code(page):
        words = [word for word in code.split() if not word.startswith("[")]
        placeholders = any(word.isupper() or "…" in word or "|" in word for word in words)
        if words and words[0] == "verdigris" and not placeholders:
            check_command(words[1:], mention=True)


def test_wrong_commands_are_found():
    for wrong in ("rollout begin", "rollout start --too green", "status --timeout soon", "check one two", "up --wait"):
        with pytest.raises(AssertionError):
            check_command(wrong.split())


def test_commands_are_found_where_a_shell_runs_them():
    script = """
    export VERDIGRIS_API=http://127.0.0.1:8090  # verdigris nothing
    id=$(verdigris rollout start --version "$V" -o json | jq -r .id) && echo "now $(verdigris status)"
    if /opt/bin/verdigris status --wait; then chown verdigris file; fi
    """
    assert [*commands(script)] == [
        ["rollout", "start", "--version", "$V", "-o", "json"],
        ["status"],
        ["status", "--wait"],
    ]


def test_a_configuration_is_told_from_other_yaml():
    assert is_configuration({"gateway": {}})
    assert not is_configuration({"jobs": {}})


# ------------------------------------------------------------------ the command line


def every_command(command=cli.root, path="verdigris"):
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for verb in command.list_commands(context):
        yield from every_command(command.get_command(context, verb), f"{path} {verb}")


COMMANDS = dict(every_command())
ASKING = {"--api", "--token"}
COMMON = {*ASKING, "--output", "-o", "--help", "-h"}


def options_of(command):
    return {word for option in command.params if isinstance(option, click.Option) for word in option.opts}


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_is_described(path):
    described = {word for cell in rows(CLI, "option", section=path) for word in re.findall(r"(?<!\w)--?\w[\w-]*", cell)}
    assert described == options_of(COMMANDS[path]) - COMMON


def test_common_options_are_described_and_common():
    described = {
        word for cell in rows(CLI, "option", section="Common options") for word in re.findall(r"--?[\w-]+", cell)
    }
    assert described == COMMON
    for path, command in COMMANDS.items():
        asks = path.startswith(("verdigris rollout", "verdigris status", "verdigris pairs", "verdigris samples"))
        assert (options_of(command) >= ASKING) == asks, path
        assert ("--output" in options_of(command)) == (
            asks
            or path
            in (
                "verdigris cases run",
                "verdigris cases schema",
                "verdigris check",
                "verdigris judge calibrate",
                "verdigris plan",
                "verdigris version",
            )
        ), path


def test_no_command_is_described_that_does_not_exist():
    assert {title for title in sections(CLI) if title.startswith("verdigris ")} == COMMANDS.keys()


def test_exit_codes_are_described():
    codes = {0, follow.PROMOTED, follow.ROLLED_BACK, cli.FAILED, follow.UNDECIDED, cli.INTERRUPTED}
    described = re.findall(r"^\| (\d+) \|", sections(CLI)["Exit codes"], re.MULTILINE)
    assert {int(code) for code in described} == codes


# ------------------------------------------------------------------ the API


def test_every_endpoint_is_described():
    paths = api_client().get("/openapi.json").json()["paths"]
    there = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert rows(API, "endpoint").keys() == there | {"GET /openapi.json"}


def every_error(kind=VerdigrisError):
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == VerdigrisError.__module__:
            yield from every_error(below)


def test_every_problem_code_is_described_with_its_status():
    codes = {kind.code: problems.status_of(kind("")) for kind in every_error()}
    codes |= {code: status for status, code in problems._HTTP_CODES.items()} | {"internal": 500}
    described = {code: int(cells[0]) for code, cells in rows(API, "code").items()}
    assert described == codes


def test_bodies_shown_for_the_api_are_bodies_of_the_api():
    blocks = re.findall(r"```json\n(.*?)```", API.read_text(), re.DOTALL)
    start, problem = (json.loads(block) for block in blocks)
    api = api_client()
    assert api.post("/v1/rollouts", json=start).json()["code"] == "rollout_in_progress"
    answered = api.get("/nothing").json()
    assert problem.keys() == answered.keys()


# ------------------------------------------------------------------ the environment


def variables_in_the_code():
    text = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    own = set(re.findall(r"\b(VERDIGRIS_[A-Z_]+)\b", text))
    return own | set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"', text))


def test_every_environment_variable_is_described():
    assert rows(REFERENCE / "environment.md", "variable").keys() == variables_in_the_code()


# ------------------------------------------------------------------ the words


@pytest.mark.parametrize(
    ("page", "header", "words"),
    [
        (WORDS, "phase", Phase),
        (WORDS, "outcome", Outcome),
        (WORDS, "standing", Standing),
        (WORDS, "condition", Need),
        (WORDS, "topic", Topic),
        (METRICS, "metric", Metric),
    ],
    ids=lambda given: given.stem if isinstance(given, Path) else getattr(given, "__name__", given),
)
def test_every_word_is_described(page, header, words):
    assert rows(page, header).keys() == {word.value for word in words}


def test_every_event_is_described():
    kinds = events.Event.__args__
    made = {re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in kinds}
    assert rows(WORDS, "event").keys() == made
    assert event_view(Logged(number=1, event=builders.started())).type in made


def test_units_and_weights_are_those_of_the_code():
    assert {metric: cells[0] for metric, cells in rows(METRICS, "metric").items()} == {
        metric.value: metric.unit for metric in Metric
    }
    assert {family: float(cells[0]) for family, cells in rows(METRICS, "family").items()} == {
        family.value: weight for family, weight in FAMILY_WEIGHTS.items()
    }

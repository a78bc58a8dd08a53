"""Every mistake in verdigris.yaml is named by file, line, column and key, with the way out."""

import pytest

from verdigris.core.model.errors import ConfigError
from verdigris.spec.load import load, loads

BASE = """\
service: summarizer
environments:
  blue:  { url: http://127.0.0.1:3001 }
  green: { url: http://127.0.0.1:3002 }
"""


def complaints(text, environ=None):
    with pytest.raises(ConfigError) as caught:
        loads(text, file="verdigris.yaml", environ=environ or {})
    return str(caught.value).splitlines()


# name: (what follows BASE, from line 5 on; the whole complaint)
ONE_MISTAKE = {
    "unknown key": (
        "guardrails:\n  quality: { max_dropp: 10% }\n",
        '6:14: unknown key "max_dropp" in guardrails.quality (did you mean "max_drop"?)',
    ),
    "unknown key far from all": (
        "zebra: 1\n",
        (
            '5:1: unknown key "zebra" (known here: service, environments, gateway, api, telemetry, quality, checks, strategy, guardrails, '
            "strata)"
        ),
    ),
    "hyphen for underscore": (
        "strategy: { keep-previous: 1h }\n",
        '5:13: unknown key "keep-previous" in strategy (did you mean "keep_previous"?)',
    ),
    "key for later": ("notify: []\n", '5:1: key "notify" is not supported yet in this version (take it out)'),
    "step for later": (
        "strategy:\n  steps:\n    - { shadow: { min_pairs: 50 } }\n",
        '7:9: key "shadow" in strategy.steps[0] is not supported yet in this version (take it out)',
    ),
    "misspelt step": (
        "strategy: { steps: [ { wieght: 5% } ] }\n",
        '5:24: unknown key "wieght" in strategy.steps[0] (did you mean "weight"?)',
    ),
    "option of another step": (
        "strategy: { steps: [ { pause: 5m, hold: 5m } ] }\n",
        '5:35: unknown key "hold" in strategy.steps[0] (known here: pause)',
    ),
    "driver for later": (
        "gateway: { driver: nginx }\n",
        '5:20: gateway.driver: "nginx" is not supported yet in this version (choose envoy)',
    ),
    "unknown choice": (
        "telemetry: { format: opanai-chat }\n",
        (
            '5:22: telemetry.format: "opanai-chat" is not one of auto, openai-chat, openai-responses, anthropic, gemini, '
            'bedrock-converse, fields (did you mean "openai-chat"?)'
        ),
    ),
    "unknown preset": (
        "strategy: bluegreen\n",
        '5:11: strategy: "bluegreen" is not one of canary, blue-green, linear (did you mean "blue-green"?)',
    ),
    "wrong unit": (
        "strategy: { bake: 15x }\n",
        '5:19: strategy.bake: "15x" is not a duration (write a number and a unit, such as 500ms, 90s, 15m or 1h30m)',
    ),
    "no unit": ("strategy: { bake: 15 }\n", '5:19: strategy.bake: "15" has no unit (write 15s, 15m or 15h)'),
    "no percent sign": (
        "strategy: { steps: [ { weight: 10 } ] }\n",
        '5:32: strategy.steps[0].weight: "10" has no percent sign (write 10%)',
    ),
    "rate without sign": (
        "guardrails: { error_rate: { max: 0.05 } }\n",
        '5:34: guardrails.error_rate.max: "0.05" has no percent sign (write 5%)',
    ),
    "weights that fall": (
        "strategy:\n  steps:\n    - { weight: 25% }\n    - { weight: 10% }\n",
        (
            '8:17: strategy.steps[1].weight: "10%" does not rise above the 25% before it '
            "(weights rise from step to step; a rollback is not a step)"
        ),
    ),
    "weights that stand": (
        "strategy:\n  steps:\n    - { weight: 25% }\n    - pause\n    - { weight: 25% }\n",
        (
            '9:17: strategy.steps[2].weight: "25%" does not rise above the 25% before it '
            "(weights rise from step to step; a rollback is not a step)"
        ),
    ),
    "weight above 100": (
        "strategy: { steps: [ { weight: 101% } ] }\n",
        '5:32: strategy.steps[0].weight: "101%" is not a weight (a weight lies above 0% and at most at 100%)',
    ),
    "weight of nothing": (
        "strategy: { steps: [ { weight: 0% } ] }\n",
        '5:32: strategy.steps[0].weight: "0%" is not a weight (a weight lies above 0% and at most at 100%)',
    ),
    "weight too fine": (
        "strategy: { steps: [ { weight: 0.125% } ] }\n",
        '5:32: strategy.steps[0].weight: "0.125%" is finer than the split can be (two decimals at most, such as 0.25%)',
    ),
    "something after 100%": (
        "strategy:\n  steps:\n    - { weight: 100% }\n    - pause\n",
        '8:7: strategy.steps[1]: "pause" stands after weight: 100% (that is the last step; `bake` watches it)',
    ),
    "all traffic without proof": (
        "strategy: { steps: [ { weight: 100%, advance: safe } ] }\n",
        (
            '5:47: strategy.steps[0].advance: "safe" is not enough for weight: 100% '
            "(take `advance` out: all traffic moves only on proof or on an approval)"
        ),
    ),
    "no steps": (
        "strategy: { steps: [] }\n",
        "5:13: strategy.steps is empty (write at least one, or take the key out)",
    ),
    "not a step": (
        "strategy: { steps: [ wait ] }\n",
        (
            '5:22: strategy.steps[0]: "wait" is not a step '
            "(write { weight: 10% }, { pause: 5m } or { approve: { timeout: 2h } })"
        ),
    ),
    "preset and steps": (
        "strategy: { preset: canary, steps: [ { weight: 5% } ] }\n",
        '5:21: strategy.preset: "canary" stands beside steps (give a preset or steps, not both)',
    ),
    "holds longer than the limit": (
        "strategy: { steps: [ { weight: 5%, hold: 7h } ] }\n",
        (
            "5:1: strategy.time_limit (or its default, 6h) ends before the holds of all steps, which add up to 7h, so no "
            "rollout could ever finish (raise time_limit or shorten the holds)"
        ),
    ),
    "not a whole number": (
        "strategy: { steps: [ { weight: 5%, min_samples: many } ] }\n",
        '5:49: strategy.steps[0].min_samples: "many" is not a whole number (write digits, such as 50)',
    ),
    "negative samples": (
        "strategy: { steps: [ { weight: 5%, min_samples: -1 } ] }\n",
        '5:49: strategy.steps[0].min_samples: "-1" is below 0',
    ),
    "promote at the time limit": (
        "strategy: { otherwise: promote }\n",
        '5:24: strategy.otherwise: "promote" is not one of rollback, hold, approve',
    ),
    "sticky without a key": (
        "gateway: { sticky: {} }\n",
        "5:12: gateway.sticky needs a header or a cookie, one of both (such as { header: x-user-id })",
    ),
    "sticky by x-request-id": (
        "gateway: { sticky: { header: x-request-id } }\n",
        (
            '5:30: gateway.sticky.header: "x-request-id" is a header the gateway sets or removes itself '
            "(choose one of your own, such as x-user-id)"
        ),
    ),
    "sticky by X-Deploy-Env": (
        "gateway: { sticky: { header: X-Deploy-Env } }\n",
        (
            '5:30: gateway.sticky.header: "X-Deploy-Env" is a header the gateway sets or removes itself '
            "(choose one of your own, such as x-user-id)"
        ),
    ),
    "sticky by x-release-id": (
        "gateway: { sticky: { header: x-release-id } }\n",
        (
            '5:30: gateway.sticky.header: "x-release-id" is a header the gateway sets or removes itself '
            "(choose one of your own, such as x-user-id)"
        ),
    ),
    "sticky by x-shadow": (
        "gateway: { sticky: { header: x-shadow } }\n",
        (
            '5:30: gateway.sticky.header: "x-shadow" is a header the gateway sets or removes itself '
            "(choose one of your own, such as x-user-id)"
        ),
    ),
    "sticky by X-Verdigris-User": (
        "gateway: { sticky: { header: X-Verdigris-User } }\n",
        (
            '5:30: gateway.sticky.header: "X-Verdigris-User" is a header the gateway sets or removes itself '
            "(choose one of your own, such as x-user-id)"
        ),
    ),
    "sticky by a header with an underscore": (
        "gateway: { sticky: { header: x_user_id } }\n",
        (
            '5:30: gateway.sticky.header: "x_user_id" never arrives: headers with an underscore are dropped '
            "(send x-user-id)"
        ),
    ),
    "sticky by a header with a percent sign": (
        "gateway: { sticky: { header: x%user } }\n",
        '5:30: gateway.sticky.header: "x%user" holds a percent sign (letters, digits and hyphens, such as x-user-id)',
    ),
    "sticky by a cookie with a percent sign": (
        "gateway: { sticky: { cookie: a%b } }\n",
        '5:30: gateway.sticky.cookie: "a%b" holds a percent sign (letters, digits and hyphens, such as x-user-id)',
    ),
    "sticky with a strange name": (
        "gateway: { sticky: { header: 'user id' } }\n",
        (
            '5:30: gateway.sticky.header: "user id" is not a name of a header or cookie '
            "(letters, digits and hyphens, such as x-user-id)"
        ),
    ),
    "no value": ("gateway:\n", "5:1: gateway has no value (write one, or take it out)"),
    "a list for keys": ("gateway: [ 1 ]\n", "5:1: gateway holds a list where keys with values should stand"),
    "keys for a value": (
        "gateway: { timeout: { a: 1 } }\n",
        "5:12: gateway.timeout holds several values where a duration should stand",
    ),
    "neither true nor false": (
        "telemetry: { fields: { strip: perhaps } }\n",
        '5:31: telemetry.fields.strip: "perhaps" is neither true nor false',
    ),
    "guardrail neither zone nor off": (
        "guardrails: { cost: none }\n",
        '5:21: guardrails.cost: "none" is not known here (write off)',
    ),
    "a drop of more than all quality": (
        "guardrails: { quality: { max_drop: 200% } }\n",
        '5:36: guardrails.quality.max_drop: "200%" is more than all of stable\'s quality (write a part of it, such as 10%)',
    ),
    "a floor above the best score": (
        "guardrails: { quality: { min: 120% } }\n",
        '5:31: guardrails.quality.min: "120%" is above the best score (quality lies between 0 and 1; write 0.7 or 70%)',
    ),
    "a zone without width": (
        "guardrails: { quality: { max_drop: 0% } }\n",
        (
            '5:36: guardrails.quality.max_drop: "0%" leaves no room, and nobody can prove that two sides are exactly equal '
            "(write the smallest difference that matters)"
        ),
    ),
    "tolerance above the margin": (
        "guardrails: { quality: { max_drop: 5%, tolerance: 5% } }\n",
        '5:51: guardrails.quality.tolerance: "5%" is not below max_drop (lower the tolerance or raise max_drop)',
    ),
    "tolerance above the default margin": (
        "guardrails: { latency_p99: { tolerance: 300% } }\n",
        '5:41: guardrails.latency_p99.tolerance: "300%" is not below the default max_increase (write max_increase too)',
    ),
    "tolerance in another unit": (
        "guardrails: { latency_p99: { max_increase: 50%, tolerance: 5ms } }\n",
        (
            '5:60: guardrails.latency_p99.tolerance: "5ms" is given in another unit than max_increase '
            "(write both as in max_increase)"
        ),
    ),
    "a metric without a default margin": (
        "guardrails: { ttfb_p95: { max: 2s } }\n",
        (
            '5:15: guardrails.ttfb_p95 needs the key "max_increase" '
            "(it says how much worse than stable the candidate may be)"
        ),
    ),
    "quality above its scale": (
        "guardrails: { quality: { min: 7 } }\n",
        '5:31: guardrails.quality.min: "7" is above the best score (quality lies between 0 and 1; write 0.7 or 70%)',
    ),
    "not an address": (
        "api: { listen: nowhere }\n",
        '5:16: api.listen: "nowhere" is not an address to listen on (write host:port, such as 127.0.0.1:8080)',
    ),
    "gateway and API on one port": (
        "api: { listen: 127.0.0.1:8080 }\n",
        (
            '5:16: api.listen: "127.0.0.1:8080" would have the gateway and the API (api.listen, 127.0.0.1:8080) share one '
            "port (give one of them another)"
        ),
    ),
    "gateway in front of itself": (
        "gateway: { listen: 0.0.0.0:3002 }\n",
        (
            '4:17: environments.green.url: "http://127.0.0.1:3002" is the gateway\'s own address (0.0.0.0:3002): requests '
            "would go round for ever (give the app's own port)"
        ),
    ),
    "variable not set": (
        "api: { token: ${NO_SUCH} }\n",
        "5:15: api.token: the environment variable NO_SUCH is not set (export NO_SUCH, or write ${NO_SUCH:-default})",
    ),
    "variable of no name": (
        "api: { token: ${NO-SUCH} }\n",
        "5:15: api.token: ${NO-SUCH} is not the name of a variable (write ${NAME}, or $${ for the two characters)",
    ),
    "key twice": ("service: again\n", '5:1: "service" stands twice (first on line 1)'),
    "a tag": (
        "gateway: { timeout: !seconds 5 }\n",
        "5:21: gateway.timeout: a tag (!seconds) has no meaning here (take it out)",
    ),
}


@pytest.mark.parametrize(("more", "complaint"), ONE_MISTAKE.values(), ids=ONE_MISTAKE)
def test_one_mistake_is_one_complaint(more, complaint):
    assert complaints(BASE + more) == [f"verdigris.yaml:{complaint}"]


ENVIRONMENTS = {
    "duplicate environment": (
        "  blue: http://a:1\n  green: http://b:1\n  blue: http://c:1\n",
        '5:3: "blue" stands twice in environments (first on line 3)',
    ),
    "one environment": (
        "  blue: http://a:1\n",
        (
            "2:1: environments holds one environment; a rollout passes from one to another, so 2 to 20 are needed "
            "(add one, such as green: { url: http://127.0.0.1:3002 })"
        ),
    ),
    "bad name": (
        "  Blue: http://a:1\n  green: http://b:1\n",
        (
            '3:3: environments: "Blue" is not a name '
            "(1 to 40 small letters, digits and hyphens, such as blue or summarizer-eu)"
        ),
    ),
    "reserved name": (
        "  stable: http://a:1\n  green: http://b:1\n",
        '3:3: environments: "stable" is a reserved name (choose another, such as blue or green)',
    ),
    "no url": (
        "  blue: { health: /health }\n  green: http://b:1\n",
        '3:3: missing key "url" in environments.blue (such as url: http://127.0.0.1:3001)',
    ),
    "other scheme": (
        "  blue: ftp://a:1\n  green: http://b:1\n",
        (
            '3:9: environments.blue: "ftp://a:1" is not an http or https URL '
            "(write scheme, host and port, such as http://127.0.0.1:3001)"
        ),
    ),
    "no scheme": (
        "  blue: a:1\n  green: http://b:1\n",
        (
            '3:9: environments.blue: "a:1" is not an http or https URL '
            "(write scheme, host and port, such as http://127.0.0.1:3001)"
        ),
    ),
    "path in the url": (
        "  blue: { url: http://a:1/api }\n  green: http://b:1\n",
        (
            '3:16: environments.blue.url: "http://a:1/api" holds more than scheme, host and port '
            "(each request brings its own path)"
        ),
    ),
    "bad port": (
        "  blue: { url: http://a:99999 }\n  green: http://b:1\n",
        (
            '3:16: environments.blue.url: "http://a:99999" is not a URL '
            "(write scheme, host and port, such as http://127.0.0.1:3001)"
        ),
    ),
    "path without a slash": (
        "  blue: { url: http://a:1, health: health }\n  green: http://b:1\n",
        '3:36: environments.blue.health: "health" is not a path (begin with a slash, such as /health)',
    ),
}


@pytest.mark.parametrize(("environments", "complaint"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_one_mistake_among_the_environments(environments, complaint):
    assert complaints(f"service: s\nenvironments:\n{environments}") == [f"verdigris.yaml:{complaint}"]


NO_YAML = {
    "empty": ("", ":1: the file is empty (`verdigris init` writes one to start from)"),
    "only comments": ("# nothing\n", ":1: the file is empty (`verdigris init` writes one to start from)"),
    "a list": ("- a\n", ":1:1: the file holds a list, not keys with values (begin with `service: NAME`)"),
    "a word": ("hello\n", ":1:1: the file holds a single value, not keys with values (begin with `service: NAME`)"),
    "a tab": ("service: s\nenvironments:\n\tblue: x\n", ":3:1: a tab where YAML wants spaces (indent with spaces)"),
    "two documents": (
        "service: s\n---\nservice: t\n",
        ":2:1: the file holds more than one document (one service a file: take out the second `---`)",
    ),
    "a percent first": (
        "service: %s\n",
        ":1:10: this is not YAML: found character '%' that cannot start any token (put the value in quotes)",
    ),
    "nested too deeply": ("a: " + "[" * 1_000, ": nested too deeply"),
}


@pytest.mark.parametrize(("text", "complaint"), NO_YAML.values(), ids=NO_YAML)
def test_what_is_no_yaml_is_said_to_be_none(text, complaint):
    assert complaints(text) == [f"verdigris.yaml{complaint}"]


@pytest.mark.parametrize("text", ["a: [1\nb: 2", "a: b: c", "a: 'x", "a: \x07", "a: *nobody"])
def test_other_damage_names_the_line(text):
    (line,) = complaints(text)
    assert line.startswith("verdigris.yaml:")
    assert line.split(":")[1].strip().isdigit()


def test_aliases_cannot_grow_without_bound():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "aliases" in complaints(bomb)[0]
    assert "aliases" in complaints("a: &x [*x]\n")[0]


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines():
    lines = complaints(
        "service: S S\n"
        "environments:\n"
        "  blue: { url: ftp://x, helth: /h }\n"
        "  green: http://127.0.0.1:3002\n"
        "gatewy: {}\n"
        "strategy:\n"
        "  steps:\n"
        "    - { weight: 10, hold: 15x }\n"
        "api: { token: ${NO_SUCH} }\n"
    )
    assert [line.split(": ")[0] for line in lines] == [
        f"verdigris.yaml:{place}" for place in ("1:10", "3:16", "3:25", "5:1", "8:17", "8:27", "9:15")
    ]


def test_each_of_several_mistakes_can_be_had_apart():
    with pytest.raises(ConfigError) as caught:
        loads(BASE + "a: 1\nb: 1\n", file="f.yaml")
    assert [(error.file, error.line, error.column, error.key) for error in caught.value.errors] == [
        ("f.yaml", 5, 1, "a"),
        ("f.yaml", 6, 1, "b"),
    ]


def test_a_secret_out_of_the_environment_is_never_repeated():
    secret = "hunter2-hunter2"
    places = ("gateway: { timeout: %s }", "gateway: { driver: %s }", "strategy: %s", "api: { listen: %s }", "zebra: %s")
    for place in places:
        text = str(complaints(BASE + place % "${SECRET}" + "\n", {"SECRET": secret}))
        assert secret not in text
    assert '"${SECRET}" is not a duration' in complaints(BASE + places[0] % "${SECRET}", {"SECRET": secret})[0]


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: there is no such file"):
        load(tmp_path / "none.yaml", environ={})
    with pytest.raises(ConfigError, match="this is a folder"):
        load(tmp_path, environ={})
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("service: s\n# \xe9\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: the text is not UTF-8"):
        load(latin, environ={})
    huge = tmp_path / "huge.yaml"
    huge.write_text("# " + "x" * 1_100_000)
    with pytest.raises(ConfigError, match="longer than 1,000,000 characters"):
        load(huge, environ={})

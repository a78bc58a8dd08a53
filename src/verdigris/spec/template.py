"""The file that `verdigris init` writes: the two lines that matter, and what one may say besides, as comments."""

from __future__ import annotations

_TEMPLATE = """\
# What Verdigris releases, and how. `verdigris check` reads this file and says what it understood.
# Only `service` and `environments` are needed; everything else is shown with its default.

service: {service}

# The first environment is stable until a rollout says otherwise. A url is scheme, host and port.
environments:
  blue:  {{ url: {blue} }}
  green: {{ url: {green} }}
  # With more to say:
  # blue:
  #   url: {blue}
  #   health: /health        # without paths, a TCP connection will do
  #   ready: /ready
  #   release:               # what the environment holds; part of the release's id
  #     version: "1.4.2"
  #     config: {{ model: some-model, temperature: "0.2", prompt: answers-v3 }}

# The stable address your users call.
# gateway:
#   listen: 127.0.0.1:8080   # 0.0.0.0:8080 to serve other machines
#   timeout: 2m              # the longest silence; a stream that keeps talking is never cut
#   sticky: {{ header: x-user-id }}   # or {{ cookie: NAME }}; default: each request is drawn by lot

# The controller's own API. Off loopback it needs a token.
# api:
#   listen: 127.0.0.1:8090
#   token: ${{VERDIGRIS_TOKEN}}

# What the answers look like: auto knows OpenAI, Anthropic, Gemini and Bedrock, and reads the JSON fields below.
# telemetry:
#   format: auto             # openai-chat, openai-responses, anthropic, gemini, bedrock-converse or fields
#   fields: {{ output: output, cost: _cost, quality: _qualityScore, strip: false }}

# To have answers sampled and scored as well, add `quality`; nothing is copied without it.

# canary (the default), blue-green or linear; or your own steps. A list that ends below 100% is completed with 100%,
# which always asks for proof or an approval.
# strategy:
#   steps:
#     - {{ weight: 10%, hold: 15m, min_samples: 50 }}
#     - {{ weight: 25%, hold: 15m, min_samples: 100 }}
#     - {{ weight: 50%, hold: 30m, min_samples: 250 }}
#     # - pause: 10m
#     # - approve: {{ timeout: 2h, otherwise: rollback }}
#     - {{ weight: 100% }}
#   bake: 15m                # watched after the switch, still going back by itself
#   keep_previous: 24h       # how long `verdigris rollout rollback` can return to the previous side
#   time_limit: 6h           # not decided by then: rollback, hold or approve
#   otherwise: rollback      # or by what the judge says: {{ waiting: hold, no_data: rollback }}
#   advance: safe            # scaled: each step below 100% asks for proof at a margin that narrows as the weight rises

# How much worse than stable the candidate may be. Writing one replaces that default; `off` removes it.
# Quality, cost and latency: percent of stable's value. Rates: percentage points. max and min bound the candidate alone.
# guardrails:
#   quality:      {{ max_drop: 10% }}
#   cost:         {{ max_increase: 50% }}
#   error_rate:   {{ max_increase: 1%, max: 5% }}
#   refusal_rate: {{ max_increase: 2%, max: 15% }}
#   latency_p99:  {{ max_increase: 200%, max: 5s }}

# Kinds of requests that are compared each among their own: by a header, a member of the answer's JSON, or a path.
# strata: {{ header: x-tier, values: [free, pro] }}
"""


def template(*, service: str, blue: str, green: str) -> str:
    """The commented file; the URLs stand in it as given."""
    return _TEMPLATE.format(service=service, blue=blue, green=green)

"""A real Prometheus scrapes a real `verdigris up` with its token. Collected where Prometheus is installed."""

import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.processes import free_port, wait_until
from support.up import Stage, Up, ask

pytestmark = pytest.mark.real

TOKEN = "a-token-of-tests"
CONFIGURATION = """\
global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}
scrape_configs:
  - job_name: verdigris
    authorization: {{ credentials_file: {token} }}
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


@contextmanager
def prometheus(folder: Path, up: Up) -> Iterator[str]:
    """One that scrapes `up`, as docs/reference/telemetry.md says, and its URL."""
    binary = shutil.which("prometheus")
    assert binary is not None
    (folder / "token").write_text(f"{TOKEN}\n")
    file = folder / "prometheus.yml"
    file.write_text(CONFIGURATION.format(token=folder / "token", port=up.api))
    port = free_port()
    with (folder / "prometheus.out").open("wb") as sink:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(30)


def value(url: str, query: str) -> float | None:
    """What the query gives now; None while there is nothing, or nobody."""
    try:
        reply = ask(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    except OSError:
        return None
    result = json.loads(reply.body)["data"]["result"] if reply.status == 200 else []
    return float(result[0]["value"][1]) if result else None


def test_prometheus_scrapes_what_promtool_approves(stage: Stage, tmp_path: Path) -> None:
    up = stage.up(environment={"VERDIGRIS_TOKEN": TOKEN}).start()
    for _ in range(25):
        assert ask(f"{up.url}/api/process", body={"input": "How many apples are left?"}).status == 200
    text = ask(f"{up.api_url}/metrics", headers={"authorization": f"Bearer {TOKEN}"}).body
    promtool = shutil.which("promtool")
    assert promtool is not None
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with prometheus(tmp_path, up) as url:
        wait_until(
            lambda: value(url, 'sum(verdigris_requests_total{role="stable"})') == 25, "25 requests in Prometheus"
        )
        assert value(url, "up") == 1
        assert value(url, "sum(verdigris_cost_usd_total)") is not None
        p99 = value(url, "histogram_quantile(0.99, sum by (le) (verdigris_request_duration_seconds_bucket))")
        assert p99 is not None
        assert 0.0 < p99 < 100.0
    assert up.end() == 0

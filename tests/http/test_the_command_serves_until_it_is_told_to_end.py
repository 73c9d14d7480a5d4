import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.http import listen


@pytest.mark.long
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_what_was_begun_is_finished_and_streams_end(shop, ending):
    command = [sys.executable, "-m", "orders_es", "serve", "--log", shop.url, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        said = "".join(iter(server.stdout.readline, "}\n")) + "}"
        url = json.loads(said)["url"]
        with httpx.Client(base_url=url, timeout=600) as client, client.stream("GET", "/events?follow=true") as events:
            lines = events.iter_lines()
            assert next(lines)
            assert client.post("/orders", json={"order_id": "N-1", "currency": "GBP"}).status_code == 201
            os.kill(server.pid, ending)
            assert [line for line in lines if line][-1].startswith('{"position":5')
        assert server.wait(600) == 0
        assert server.stderr.read() == ""


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--host", "0.0.0.0", "--port", "0"], 2, "give tokens"),
        (["--token-file", "{empty}", "--port", "0"], 2, "holds no token"),
        (["--token-file", "{short}", "--port", "0"], 2, "at least 16"),
        (["--port", "{taken}"], 1, "--port 0"),
        (["--host", "no.such.host.invalid"], 1, "cannot serve at"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(shop, tmp_path, more, code, said):
    (tmp_path / "empty").write_text("# nobody yet\n")
    (tmp_path / "short").write_text("secret\n")
    with listen() as taken:
        names = {"empty": tmp_path / "empty", "short": tmp_path / "short", "taken": taken.getsockname()[1]}
        answer = CliRunner().invoke(main, ["serve", "--log", shop.url, *(word.format(**names) for word in more)])
    assert (answer.exit_code, answer.stderr.count("\n")) == (code, 1), answer.output
    assert said in answer.stderr
    assert "secret" not in answer.output

import re
import signal
import subprocess
import sys
import urllib.request

import pytest


@pytest.fixture
def start(shop, killed):
    shop.order()
    shop.run()

    def start(*args):
        command = [sys.executable, "-u", "-c", "from orders_es.cli import main; main()", "lag", "--log", shop.log.url]
        command += ["--models", str(shop.models), *args]
        killed.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return killed[-1]

    return start


@pytest.mark.long
def test_watching_it_looks_again_and_its_last_look_decides(shop, start):
    watching = start("--watch", "--every", "1s", "--sla", "30s")
    lines = [watching.stdout.readline() for _ in range(3)]
    assert lines[2].split()[:3] == ["orders", "stopped", "0"]
    shop.order()
    for line in watching.stdout:
        if line.startswith("orders") and line.split()[2] == "1":
            break
    watching.send_signal(signal.SIGINT)
    _, told = watching.communicate()
    assert watching.returncode == 1
    assert "over the 30 s promised" in told


def test_it_answers_scrapes_and_ends_well_on_sigterm(start):
    pytest.importorskip("prometheus_client")
    serving = start("--prometheus-port", "0")
    [url] = re.findall(r"http://\S+/metrics", serving.stderr.readline())
    with urllib.request.urlopen(url, timeout=600) as answer:
        assert 'orders_es_projection_behind_events{projection="orders"} 0.0' in answer.read().decode()
    serving.send_signal(signal.SIGTERM)
    serving.communicate()
    assert serving.returncode == 0

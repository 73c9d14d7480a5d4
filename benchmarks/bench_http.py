"""Commands over HTTP, on a server in a process of its own, beside `handle` alone in this one: the same commands on the same kind of log.

`handle` alone is the floor: it loads, decides and appends durably. Over HTTP come a request, JSON both ways and the whole order as the answer. One
client waits for each answer; eight at once show what the server does while others wait.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from orders_es.log import EventLog, open_log
from orders_es.orders import AddItem, CreateOrder
from orders_es.service import handle

ORDERS = 60
ITEMS = 4
ROUNDS = 5
CLIENTS = 8


def alone(log: EventLog, name: str) -> None:
    handle(log, name, CreateOrder(currency="GBP"), command_id=f"{name}/0")
    for item in range(ITEMS):
        command = AddItem(item_id=f"P-{item}", quantity=2, price=Decimal("2.50"))
        handle(log, name, command, command_id=f"{name}/{item + 1}")


def over_http(connection: http.client.HTTPConnection, name: str) -> None:
    post(connection, "/orders", {"order_id": name, "currency": "GBP"}, f"{name}/0")
    for item in range(ITEMS):
        body = {"order_id": name, "item_id": f"P-{item}", "quantity": 2, "price": "2.50"}
        post(connection, "/orders/add-item", body, f"{name}/{item + 1}")


def post(connection: http.client.HTTPConnection, path: str, body: dict[str, object], key: str) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (200, 201), answer.status


def many(connection: http.client.HTTPConnection, client: int, turn: int) -> None:
    for n in range(client, ORDERS, CLIENTS):
        over_http(connection, f"many-{turn}-{n}")


def run(folder: Path, _: Path) -> None:
    served = folder / "served"
    open_log(served, create=True).close()
    command = [sys.executable, "-m", "orders_es", "serve", "--log", str(served), "--port", "0", "--json"]
    rates: dict[str, list[float]] = {
        "handle alone": [],
        "over HTTP, one client": [],
        f"over HTTP, {CLIENTS} clients": [],
    }
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
        open_log(folder / "alone", create=True) as log,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        try:
            assert server.stdout is not None
            address = urlsplit(json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")["url"]).netloc
            for turn in range(ROUNDS):
                connections = [http.client.HTTPConnection(address) for _ in range(CLIENTS)]
                began = time.perf_counter()
                for n in range(ORDERS):
                    alone(log, f"{turn}-{n}")
                rates["handle alone"].append(ORDERS * (ITEMS + 1) / (time.perf_counter() - began))
                began = time.perf_counter()
                for n in range(ORDERS):
                    over_http(connections[0], f"one-{turn}-{n}")
                rates["over HTTP, one client"].append(ORDERS * (ITEMS + 1) / (time.perf_counter() - began))
                began = time.perf_counter()

                list(pool.map(many, connections, range(CLIENTS), [turn] * CLIENTS))
                rates[f"over HTTP, {CLIENTS} clients"].append(ORDERS * (ITEMS + 1) / (time.perf_counter() - began))
        finally:
            server.terminate()
    medians = {name: sorted(found)[len(found) // 2] for name, found in rates.items()}
    floor = medians["handle alone"]
    for name, rate in medians.items():
        print(f"  {name:<26} {rate:8,.0f} commands/s   {rate / floor:5.2f} of handle alone")

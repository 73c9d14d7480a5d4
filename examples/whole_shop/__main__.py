"""The shop's commands: `python -m whole_shop start | status | buy | dashboard | search | stop`, each with --folder."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from whole_shop.customers import buy
from whole_shop.looking import dashboard, found, late, packed
from whole_shop.running import NotRunning, facts, run, start, stop


def main() -> None:
    """Do what the command line says."""
    asked = _asked()
    try:
        _do(asked)
    except NotRunning as error:
        sys.exit(str(error))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="whole_shop", description=__doc__)
    parser.add_argument("command", choices=["start", "run", "status", "buy", "dashboard", "search", "stop"])
    parser.add_argument("words", nargs="*", help="search: what to look for, such as status:paid")
    parser.add_argument(
        "--folder", type=Path, default=Path("shop-run"), help="where the shop keeps its log and its tables"
    )
    parser.add_argument(
        "--log", help="a log elsewhere, such as postgresql://user@host/db?schema=shop; it stays when the shop stops"
    )
    parser.add_argument("--orders", type=int, default=20, help="buy: how many orders")
    return parser.parse_args()


def _do(asked: argparse.Namespace) -> None:
    if asked.command == "run":
        run(asked.folder, asked.log)
    elif asked.command == "start":
        start(asked.folder, asked.log)
        _say(facts(asked.folder))
        print("python -m whole_shop buy     some customers; then dashboard, search, status; stop ends all of it")
    elif asked.command == "stop":
        stop(asked.folder)
        print("stopped; the log is kept")
    elif asked.command == "status":
        shop = facts(asked.folder)
        _say(shop)
        for one in late(shop):
            print(f"  {one['projection']:24} {one['state']:14} {one['events_behind']} events behind")
    elif asked.command == "buy":
        orders = buy(facts(asked.folder)["door"], asked.orders)
        print(f"{len(orders)} orders, the last is {orders[-1]}")
    elif asked.command == "dashboard":
        for row in dashboard(facts(asked.folder)):
            print(json.dumps(row))
        print(f"packed by the warehouse: {len(packed(facts(asked.folder)))}")
    else:
        for row in found(facts(asked.folder), " ".join(asked.words) or "*"):
            print(json.dumps(row))


def _say(shop: dict[str, Any]) -> None:
    print(f"log        {shop['log']}")
    print(f"door       {shop['door']}    a page for people; POST /orders for programs")
    for name in ("redis", "search", "nats"):
        print(f"{name:10} {shop['servers'].get(name) or 'left out: ' + shop['left_out'][name]}")


if __name__ == "__main__":
    main()

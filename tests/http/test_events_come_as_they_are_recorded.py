import json
import socket

import httpx
import pytest

from orders_es.log import NO_STREAM, NewEvent, RawEvent, StreamAppend
from orders_es.orders import CreateOrder, OrderCreated
from orders_es.service import handle


def test_lines_end_with_the_log_and_have_payloads_as_recorded(shop, client_of):
    shop.append("X", [NewEvent(data=RawEvent("ParcelLost", '{"kg": 1.50,\n "n": 1e40}'))], expected=NO_STREAM)
    client = client_of(shop)
    lines = client.get("/events").text.splitlines()
    assert [json.loads(line)["position"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[4].endswith('"payload":{"kg":1.50,"n":1e40}}')
    assert len(client.get("/events?after=3").text.splitlines()) == 2
    assert len(client.get("/events?limit=2").text.splitlines()) == 2
    assert client.get("/events?after=9").text == ""


def test_more_than_a_page_comes_whole_and_in_order(log, client_of):
    for number in range(40):
        log.append_batch([_order(f"{number}-{n}") for n in range(20)])
    lines = client_of(log).get("/events").text.splitlines()
    assert [json.loads(line)["position"] for line in lines] == list(range(1, 801))


def _order(name):
    return StreamAppend(name, [OrderCreated(currency="GBP")], NO_STREAM)


def test_a_follower_gets_what_comes_and_goes_on_where_it_was(shop, serving):
    with serving(shop) as url, httpx.Client(base_url=url, timeout=600) as client:
        ids = []
        with client.stream("GET", "/events?after=2", headers={"Accept": "text/event-stream"}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    ids.append(int(line[4:]))
                    if ids[-1] == 4:
                        handle(shop, "A-3", CreateOrder(currency="GBP"))
                    if ids[-1] == 5:
                        break
        assert ids == [3, 4, 5]
        with client.stream("GET", "/events?format=sse", headers={"Last-Event-ID": "4"}) as answer:
            assert next(line for line in answer.iter_lines() if line.startswith("id: ")) == "id: 5"


def test_streams_end_when_the_server_does(shop, serving):
    with httpx.Client(timeout=600) as client:
        with serving(shop) as url:
            stream = client.stream("GET", f"{url}/events?follow=true")
            lines = stream.__enter__().iter_lines()
            assert next(lines)
        assert [line for line in lines if line][-1].startswith('{"position":4')
        stream.__exit__(None, None, None)


def test_so_many_may_follow_and_no_more(shop, serving):
    with serving(shop, most_streams=1) as url, httpx.Client(base_url=url, timeout=600) as client:
        with client.stream("GET", "/events?follow=true") as answer:
            lines = answer.iter_lines()  # which ends the stream when it goes
            assert next(lines)
            refused = client.get("/events")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        while client.get("/events").status_code == 503:  # until the server has seen that it is gone
            pass


@pytest.mark.long
def test_a_thousand_who_do_not_read_keep_nobody_waiting(log, serving):
    for number in range(20):
        log.append_batch([_order(f"{number}-{n}") for n in range(200)])
    with serving(log) as url:
        host, port = url.removeprefix("http://").split(":")
        slow = []
        for _ in range(1_000):
            one = socket.create_connection((host, int(port)), timeout=600)
            one.sendall(b"GET /events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
            slow.append(one)
        with httpx.Client(base_url=url, timeout=600) as client:
            for one in slow:
                assert one.recv(15) == b"HTTP/1.1 200 OK"
            with client.stream("GET", "/events?after=4000&follow=true") as answer:
                lines = answer.iter_lines()
                assert client.post("/orders", json={"order_id": "N-1", "currency": "GBP"}).status_code == 201
                assert json.loads(next(line for line in lines if line))["stream_id"] == "N-1"
            assert b"orders_es_http_streams 100" in client.get("/metrics").content
        for one in slow:
            one.close()

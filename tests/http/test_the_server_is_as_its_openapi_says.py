"""The description names every route and no other, and requests drawn from it, good and bad, get answers that it describes."""

import pytest

from orders_es.http.app import ROUTES
from orders_es.http.bodies import COMMANDS
from orders_es.http.openapi import description

ANY_COMMAND = "/orders/{order_id}/{command}"


def test_it_names_every_route_and_no_other():
    described = {(method.upper(), path) for path, ways in description()["paths"].items() for method in ways}
    routes = {(way.method, way.path) for way in ROUTES if way.path != ANY_COMMAND}
    assert described == routes | {("POST", ANY_COMMAND.replace("{command}", name)) for name in COMMANDS}


def test_every_schema_that_it_refers_to_is_there():
    document = description()

    def references(node):
        if isinstance(node, dict):
            yield from (value for key, value in node.items() if key == "$ref")
            node = node.values()
        if isinstance(node, (list, type({}.values()))):
            for inner in node:
                yield from references(inner)

    for reference in set(references(document)):
        assert reference.rpartition("/")[2] in document["components"]["schemas"]


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_drawn_requests_get_answers_that_it_describes(shop, serving):
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, given, settings

    with serving(shop) as url:
        # A 31st of February, and what a business rule refuses, fit the schema all the same.
        allowed = ["2xx", "304", "400", "403", "404", "406", "409", "412", "422"]
        config = schemathesis.Config.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": allowed}}})
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)

        @schema.hook
        def map_query(context, query):
            if context.operation.path == "/events":
                query = {**(query or {}), "follow": "false"}  # what goes on and on has no answer to be looked at
            return query

        checked = set()
        for result in schema.get_all_operations():
            operation = result.ok()

            @given(case=operation.as_strategy())
            @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
            def holds(case):
                case.call_and_validate(timeout=600)

            holds()
            checked.add((operation.method.lower(), operation.path))
        ways = {(method, path) for path, ways in description()["paths"].items() for method in ways}
        assert checked == ways - {("get", "/openapi.json")}  # which was read to begin with

import csv

import pytest

from orders_es.errors import BadSource
from orders_es.sources.jsonl import import_jsonl

OWN = [
    ({"version": 0}, "Expected `int` >= 1"),
    ({"version": "1"}, "Expected `int`, got `str` - at `$.version`"),
    ({"event_id": "seven"}, "Invalid UUID"),
    ({"occurred_at": "2026-06-01T10:00:00"}, "timezone"),
    ({"stream_id": ""}, "is empty, and no stream has an empty id"),
    ({"payload": [1]}, "OrderCreated: the payload does not fit"),
    ({"payload": {"currency": 5}}, "OrderCreated: the payload does not fit: Expected `str`, got `int`"),
    ({"payload": None}, "the payload does not fit"),
    ({"payload_text": "{}"}, "give one of payload and payload_text"),
    ({"type": "OrderBurnt"}, "nobody registered the event type 'OrderBurnt'"),
    ({"colour": "red"}, "unknown field `colour`"),
]


@pytest.mark.parametrize(("change", "reason"), OWN, ids=[str(change) for change, _ in OWN])
def test_of_our_own_export(shop, log, lines_of, write, change, reason):
    lines = lines_of(shop)
    third = next(i for i, line in enumerate(lines) if line["stream_id"] == "B")
    lines[third] |= change
    with pytest.raises(BadSource) as caught:
        import_jsonl(log, write(lines))
    assert caught.value.row == third + 1
    assert f"line {third + 1}: " in caught.value.reason
    assert reason in caught.value.reason
    assert log.head().position == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is not JSON"),
        ("[1]", "it is JSON, but not an object"),
        ('{"position":1', "it is not JSON"),
        ("{} {}", "it is not JSON"),
    ],
)
@pytest.mark.parametrize("mapping", [None, "order-service"])
def test_that_is_no_object(log, write, text, reason, mapping):
    with pytest.raises(BadSource, match=reason) as caught:
        import_jsonl(log, write(["", text]), mapping=mapping)
    assert caught.value.row == 2


def test_bytes_that_are_no_text(log, tmp_path):
    (tmp_path / "events.jsonl").write_bytes(b'{"stream_id":"\xff"}\n')
    with pytest.raises(BadSource, match="line 1"):
        import_jsonl(log, tmp_path / "events.jsonl")


def test_lines_of_another_shape_without_a_mapping_say_what_to_do(log, write, foreign):
    with pytest.raises(BadSource, match=r"say what they are with mapping= \(--mapping order-service\)"):
        import_jsonl(log, write([foreign(1, "order_created")]))


SEQUENCES = [
    ([1, 2, 4], 3, "version 4 of 'order-1' follows version 2 (line 2): version 3 is missing"),
    ([1, 2, 6], 3, "versions 3 to 5 are missing"),
    ([2, 3], 1, "the first line of 'order-1' has version 2: version 1 is missing"),
    ([0, 1], 1, "version 0 of 'order-1' comes before 1, the first"),
    ([1, 2, 2], 3, "version 2 of 'order-1' is on line 2 already"),
    ([1, 3, 2], 3, "version 2 of 'order-1' comes after version 3, which is on line 2"),
]


@pytest.mark.parametrize(("versions", "number", "reason"), SEQUENCES, ids=[str(case[0]) for case in SEQUENCES])
def test_that_stands_where_it_cannot(log, service, foreign, versions, number, reason):
    rows = [foreign(v, "order_created" if i == 0 else "item_added", id=f"e{i}") for i, v in enumerate(versions)]
    with pytest.raises(BadSource) as caught:
        service(rows)
    assert caught.value.row == number
    assert reason in caught.value.reason
    assert log.head().position == 0


def test_whose_event_id_came_before(service, foreign):
    with pytest.raises(BadSource, match=r"event id .* is on line 1 already") as caught:
        service(
            [
                foreign(1, "order_created", id="6c6011aa-189c-8d62-b3d8-8b1ace7f482a"),
                foreign(1, "order_created", "order-2", id="6c6011aa-189c-8d62-b3d8-8b1ace7f482a"),
            ]
        )
    assert caught.value.row == 2


def test_the_others_are_counted(service, foreign):
    with pytest.raises(BadSource, match=r"line 1: .*\(2 more lines are bad\)"):
        service([foreign(1, "order_created", timestamp="soon"), foreign(2, "item_burnt"), "{"])


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_streams_with_a_bad_line_can_be_set_aside_whole(log, service, foreign, tmp_path):
    rows = [
        foreign(1, "order_created"),
        foreign(1, "order_created", "order-2"),
        foreign(2, "item_burnt"),
        foreign(2, "item_added", "order-2"),
        "{",
        foreign(3, "item_added"),
        foreign(1, "order_created", "order-3"),
        foreign(3, "item_added", "order-3"),
    ]
    target = tmp_path / "bad.csv"
    result = service(rows, on_error="quarantine", quarantine=target)
    assert (result.events, result.streams, result.quarantined, result.rows) == (2, 1, 6, 8)
    assert log.stream_ids() == ["order-2"]
    header, *lines = read(target)
    assert header == ["quarantine_line", "quarantine_reason", "line"]
    assert [int(line[0]) for line in lines] == [1, 3, 5, 6, 7, 8]
    assert lines[0][1].startswith("nothing is wrong with this line, but its stream has a bad one")
    assert "has no [types.item_burnt]" in lines[1][1]
    assert lines[2][2] == "{"
    assert "version 2 is missing" in lines[5][1]
    again = service(rows, on_error="quarantine", quarantine=target)
    assert (again.events, again.duplicates, again.quarantined) == (0, 2, 6)


def test_a_quarantine_file_with_something_else_in_it_is_never_overwritten(log, service, foreign, tmp_path):
    (tmp_path / "bad.csv").write_text("precious")
    with pytest.raises(BadSource, match="holds something else"):
        service([foreign(1, "item_burnt")], on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (tmp_path / "bad.csv").read_text() == "precious"
    assert log.head().position == 0


def test_no_file_is_written_if_no_line_is_bad(service, foreign, tmp_path):
    result = service([foreign(1, "order_created")], on_error="quarantine", quarantine=tmp_path / "bad.csv")
    assert (result.events, result.quarantined, result.quarantine_path) == (1, 0, None)
    assert not (tmp_path / "bad.csv").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_error": "ignore"}, "give 'stop' or 'quarantine'"),
        ({"quarantine": "bad.csv"}, "add on_error='quarantine'"),
        ({"batch_events": 0}, "give 1 or more"),
        ({"currency": "EUR"}, "needs a mapping="),
        ({"mapping": "order-service", "as_recorded": True}, "as_recorded= is for our own export"),
        ({"mapping": "order-service", "keep_unknown": True}, "keep_unknown= is for our own export"),
        ({"as_recorded": True, "on_error": "quarantine"}, "restores a log whole"),
    ],
)
def test_options_that_make_no_sense_are_refused(log, write, options, words):
    with pytest.raises(ValueError, match=words):
        import_jsonl(log, write(["{}"]), **options)

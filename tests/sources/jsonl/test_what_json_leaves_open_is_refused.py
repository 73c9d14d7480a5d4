"""What a reader of JSON would settle silently, and what a mapping has to say before a line has one meaning."""

import json
from pathlib import Path

import pytest

from orders_es.errors import BadSource, SourceConflict
from orders_es.sources.jsonl import import_jsonl
from orders_es.sources.jsonl.strict_json import repeated_key

INPUTS = Path(__file__).parents[1] / "inputs"
OURS = {
    "stream_id": "A-1",
    "version": 1,
    "event_id": "00000000-0000-0000-0000-000000000001",
    "type": "OrderCreated",
    "occurred_at": "2026-06-01T10:00:00Z",
    "payload": {"currency": "EUR"},
}
THEIRS = {"id": "e-1", "order": "A-1", "kind": "created", "at": "2026-06-01T10:00:00Z", "data": {"currency": "EUR"}}
MAPPING = """
ignore_types = ["seen"]
[envelope]
event_id = "id"
stream_id = "order"
type = "kind"
occurred_at = "at"
payload = "data"
[types.created]
to = "OrderCreated"
currency = "currency"
[types.discount]
to = "DiscountApplied"
amount = { from = "amount", as = "minor" }
"""


@pytest.fixture
def lines(tmp_path):
    """Write lines to a file."""

    def lines(*given):
        path = tmp_path / "lines.jsonl"
        path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in given))
        return path

    return lines


@pytest.fixture
def mapping(tmp_path):
    """Write a mapping, with other words before it or in it."""

    def mapping(before="", **changes):
        text = before + "\n" + MAPPING
        for old, new in changes.values():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "shop.toml"
        path.write_text(text)
        return path

    return mapping


@pytest.mark.parametrize(
    ("name", "options", "row", "words"),
    [
        ("own_7digits.jsonl", {}, 1, "occurred_at has digits below the microsecond"),
        ("own_year0.jsonl", {}, 2, "lies outside of what a log holds"),
        ("newer_schema_version.jsonl", {}, 2, "schema version 3 here, and this program knows it up to version 2"),
        ("same_event_id.jsonl", {}, 2, "is on line 1 already"),
        ("discount_neg.jsonl", {"mapping": "order-service"}, 2, "negate = true"),
        ("dupkey.jsonl", {"mapping": "order-service"}, 1, "is there twice in one object"),
    ],
)
def test_it_is_refused_with_its_line(log, name, options, row, words):
    with pytest.raises(BadSource) as raised:
        import_jsonl(log, INPUTS / name, **options)
    assert (raised.value.row, log.head().position) == (row, 0)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b'{"a":1,"a":2}', "a"),
        (b'{"a" : 1, "b": [{"c": 1, "c" :2}]}', "c"),
        (b'{"a":1,"b":{"a":2}}', None),
        (b'{"a":"\\":\\"a\\":"}', None),
        (b'{"a":1,"\\u0061":2}', "a"),
        (b'{"x":"\\":","a":1,"a":2}', "a"),
        (b'{"a"\n:1,"x":"\\":","a":2}', "a"),
    ],
)
def test_a_name_that_is_there_twice_is_found_at_any_depth(text, name):
    assert repeated_key(text) == name


def test_own_lines_with_a_name_twice_are_refused(log, lines):
    path = lines(json.dumps(OURS).replace('{"currency"', '{"currency": "USD", "currency"'))
    with pytest.raises(BadSource, match="'currency' is there twice"):
        import_jsonl(log, path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"order": "A\u200b1"}, "U+200B"),
        ({"order": "1.2E+05"}, "lost digits"),
        ({"data": {"currency": "eur"}}, 'as = "upper"'),
        ({"data": {"currency": ""}}, "say which with currency="),
        ({"at": 1780308000}, 'time_format = "epoch-s"'),
        ({"at": "01/06/2026 10:00"}, "time_format"),
        ({"at": "2026-06-01T10:00:00.0000001Z"}, "below the microsecond"),
        ({"at": "0000-01-01T00:00:00Z"}, "is not a date"),
    ],
)
def test_lines_of_others_with_two_meanings_are_refused(log, lines, mapping, changes, words):
    with pytest.raises(BadSource) as raised:
        import_jsonl(log, lines(THEIRS | changes), mapping=mapping())
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("before", "at"),
    [
        ('time_format = "epoch-s"', 1780308000),
        ('time_format = "epoch-ms"', "1780308000000"),
        ('time_format = "%d/%m/%Y %H:%M"', "01/06/2026 10:00"),
    ],
)
def test_a_mapping_says_how_times_are_written(log, lines, mapping, before, at):
    import_jsonl(log, lines(THEIRS | {"at": at}), mapping=mapping(before))
    assert log.load("A-1")[0].occurred_at.isoformat() == "2026-06-01T10:00:00+00:00"


def test_a_time_that_the_clock_showed_twice_or_never_needs_a_word(log, lines, mapping):
    twice = lines(THEIRS | {"at": "2026-10-25T02:30:00"})
    with pytest.raises(BadSource, match="was twice"):
        import_jsonl(log, twice, mapping=mapping('tz = "Europe/Berlin"'))
    import_jsonl(log, twice, mapping=mapping('tz = "Europe/Berlin"\nrepeated_hour = "later"'))
    assert log.load("A-1")[0].occurred_at.hour == 1
    with pytest.raises(BadSource, match="was never"):
        import_jsonl(log, lines(THEIRS | {"at": "2026-03-29T02:30:00"}), mapping=mapping('tz = "Europe/Berlin"'))


def test_a_mapping_may_say_that_discounts_are_written_negative(log, lines, mapping):
    path = lines(THEIRS, THEIRS | {"id": "e-2", "kind": "discount", "data": {"amount": -500}})
    import_jsonl(log, path, mapping=mapping(x=('as = "minor" }', 'as = "minor", negate = true }')))
    assert str(log.load("A-1")[1].data.amount) == "5.0000"


def test_a_mapping_may_say_that_currencies_are_written_small(log, lines, mapping):
    upper = mapping(x=('currency = "currency"', 'currency = { from = "currency", as = "upper" }'))
    import_jsonl(log, lines(THEIRS | {"data": {"currency": "eur"}}), mapping=upper)
    assert log.load("A-1")[0].data.currency == "EUR"


@pytest.mark.parametrize("data", [{}, {"currency": None}, {"currency": ""}])
def test_currency_fills_in_what_a_line_does_not_name(log, lines, mapping, data):
    import_jsonl(log, lines(THEIRS | {"data": data}), mapping=mapping(), currency="USD")
    assert log.load("A-1")[0].data.currency == "USD"


def test_currency_serves_a_mapping_that_does_not_speak_of_it(log, lines, mapping):
    import_jsonl(log, lines(THEIRS | {"data": {}}), mapping=mapping(x=('currency = "currency"\n', "")), currency="USD")
    assert log.load("A-1")[0].data.currency == "USD"


def test_currency_and_a_mapping_that_says_another_are_refused(log, lines, mapping):
    other = mapping(x=('currency = "currency"', 'currency = { value = "EUR" }'))
    with pytest.raises(BadSource, match="'EUR', and currency="):
        import_jsonl(log, lines(THEIRS), mapping=other, currency="USD")
    with pytest.raises(ValueError, match="three capital letters"):
        import_jsonl(log, lines(THEIRS), mapping=mapping(), currency="usd")


def test_importing_again_with_another_currency_is_refused(log, lines, mapping):
    path = lines(THEIRS | {"data": {}})
    import_jsonl(log, path, mapping=mapping(), currency="USD")
    assert import_jsonl(log, path, mapping=mapping(), currency="USD").duplicates == 1
    with pytest.raises(SourceConflict, match="another mapping, time zone or currency"):
        import_jsonl(log, path, mapping=mapping(), currency="EUR")


def test_ignored_lines_need_neither_a_stream_nor_a_time(log, lines, mapping):
    path = lines({"id": "e-0", "kind": "seen"}, THEIRS, {"id": "e-9", "kind": "seen", "order": None, "at": "whenever"})
    assert import_jsonl(log, path, mapping=mapping()).events == 1


def test_packed_and_other_text_is_said_to_be_such(log, tmp_path):
    for start, words in ((b"\x1f\x8b\x08", "packed with gzip"), (b"\xff\xfe{\0", "UTF-16")):
        (tmp_path / "x.jsonl").write_bytes(start)
        with pytest.raises(BadSource, match=words):
            import_jsonl(log, tmp_path / "x.jsonl")

from orders_es.log import ANY, NewEvent, RawEvent, open_log


def test_every_event_in_version_order(run, shop):
    answer = run("history", "A-1", "--log", shop, "--json").json
    assert answer["order_id"] == "A-1"
    assert answer["as_of"] == {"at": None, "known_at": None, "recorded_by": None}
    assert [event["version"] for event in answer["events"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    last = answer["events"][-1]
    assert list(last) == [
        "position",
        "version",
        "event_id",
        "type",
        "schema_version",
        "occurred_at",
        "recorded_at",
        "actor",
        "correlation_id",
        "causation_id",
        "payload",
        "today",
        "late",
        "summary",
        "status_after",
        "total_after",
    ]
    assert (last["position"], last["type"], last["actor"]) == (10, "DiscountApplied", "web")
    assert (last["occurred_at"], last["recorded_at"]) == ("2026-06-02T09:00:00Z", "2026-06-05T12:00:00Z")
    assert last["payload"]["reason"] == "goodwill"
    assert float(last["payload"]["amount"]) == 2.5
    assert (last["late"], last["status_after"], last["total_after"]) == (True, "shipped", "32.6000")
    assert "2.50 EUR" in last["summary"]


def test_money_in_payloads_is_text(run, shop):
    events = run("history", "A-1", "--log", shop, "--json").json["events"]
    assert isinstance(events[1]["payload"]["price"], str)


def test_only_what_had_happened_by_then(run, shop):
    events = run("history", "A-1", "--at", "2026-06-02", "--log", shop, "--json").json["events"]
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5, 6, 8]


def test_only_what_was_known_by_then(run, shop):
    events = run("history", "A-1", "--known-at", "2026-06-01T10:00:05Z", "--log", shop, "--json").json["events"]
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5]


def test_people_see_times_and_facts(run, shop):
    text = run("history", "A-1", "--log", shop).out
    assert "8 events" in text
    assert "3 x R1 Rosé £ at 9.90 EUR" in text
    assert "[placed -> paid]" in text
    assert text.count("[late]") == 1
    assert "2026-06-02 09:00:00" in text
    assert "2026-06-05 12:00:00" in text


def test_times_are_shown_in_the_zone_asked_for(run, shop):
    text = run("history", "A-1", "--tz", "Asia/Kathmandu", "--log", shop).out
    assert "2026-06-02 14:45:00" in text
    assert "Asia/Kathmandu" in text


def test_a_type_that_nobody_registered_is_shown_and_its_payload_kept_to_the_letter(run, tmp_path):
    payload = '{"weight":1.10,"big":12345678901234567890.123456789,"esc":"\\u001b[31m"}'
    with open_log(str(tmp_path / "odd"), create=True) as log:
        log.append("P-1", [NewEvent(data=RawEvent("ParcelWeighed", payload))], expected=ANY)
    answer = run("history", "P-1", "--log", tmp_path / "odd", "--json")
    assert "12345678901234567890.123456789" in answer.out
    assert "1.10" in answer.out
    assert answer.json["events"][0]["total_after"] is None
    text = run("history", "P-1", "--log", tmp_path / "odd").out
    assert "ParcelWeighed weight=1.10" in text
    assert "\x1b" not in text

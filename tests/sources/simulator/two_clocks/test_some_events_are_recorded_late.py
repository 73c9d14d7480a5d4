from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orders_es.log import open_log
from orders_es.sources.simulator import SimulatorSettings, simulate_into

WINDOW = timedelta(hours=12)


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    url = tmp_path_factory.mktemp("shop") / "log"
    settings = SimulatorSettings(long_orders=0, late_share=0.1, late_basket_share=0.05, open_end=False)
    start = datetime(2023, 1, 2, tzinfo=UTC)
    simulate_into(url, orders=1_500, seed=4, start=start, days=20, settings=settings, window=WINDOW)
    columns = ["position", "stream_id", "version", "type", "occurred_at", "recorded_at"]
    with open_log(url) as log:
        return [row for batch in log.read(columns=columns) for row in batch.to_pylist()]


@pytest.mark.long
def test_nothing_is_recorded_before_it_happens(events):
    assert all(event["occurred_at"] < event["recorded_at"] for event in events)


@pytest.mark.long
def test_time_of_recording_never_goes_back(events):
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    times = [event["recorded_at"] for event in events]
    assert times == sorted(times)


def test_versions_count_the_recordings_of_a_stream(events):
    versions = {}
    for event in events:
        versions[event["stream_id"]] = versions.get(event["stream_id"], 0) + 1
        assert event["version"] == versions[event["stream_id"]]
    assert len(versions) == 1_500


def test_the_share_of_late_events_is_near_the_setting(events):
    baskets = {"OrderCreated", "ItemAdded", "ItemRemoved", "ItemQuantityChanged", "OrderPlaced"}
    after = [e for e in events if e["type"] not in {*baskets, "DiscountApplied", "ShippingCharged"}]
    late = [e for e in after if e["recorded_at"] - e["occurred_at"] > WINDOW]
    # Half of the late ones take longer than seven hours, so fewer than one in ten exceed a whole window; some of what
    # follows a basket entered late joins them.
    assert 0.03 < len(late) / len(after) < 0.12


def test_lateness_reaches_from_minutes_to_weeks(events):
    longest = max(e["recorded_at"] - e["occurred_at"] for e in events if e["type"] == "OrderShipped")
    assert timedelta(days=7) < longest < timedelta(days=29)


def test_late_events_come_after_later_ones_in_their_stream(events):
    inversions = 0
    last = {}
    for event in events:
        if event["occurred_at"] < last.get(event["stream_id"], event["occurred_at"]):
            inversions += 1
        last[event["stream_id"]] = event["occurred_at"]
    assert inversions > 100


def test_corrections_are_dated_back_to_the_delivery(shop):
    settings = SimulatorSettings(correction_share=1, goodwill_share=0, late_share=0, open_end=False)
    for life in list(shop.lives(shop.table(settings, orders=100)).values()):
        kinds = [type(event.data).__name__ for event in life]
        if "AdjustmentRecorded" in kinds:
            place = kinds.index("AdjustmentRecorded")
            delivered = life[kinds.index("OrderDelivered")].occurred_at
            assert life[place].occurred_at == delivered + timedelta(seconds=1)


def test_without_lateness_a_stream_is_in_the_order_of_its_happening(shop):
    punctual = SimulatorSettings(late_share=0, late_basket_share=0, correction_share=0)
    for life in shop.lives(shop.table(punctual, orders=500)).values():
        times = [event.occurred_at for event in life]
        assert times == sorted(times)

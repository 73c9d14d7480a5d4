"""An unknown event type stops a query, and an environment variable says that it is another domain's."""

from orders_es.log import NO_STREAM, RawEvent, open_log


def test_types_that_are_named_as_another_domains_are_left_out(run, shop):
    with open_log(shop) as log:
        log.append("parcel-1", [RawEvent("ParcelLost", "{}")], expected=NO_STREAM)
        log.append("parcel-2", [RawEvent("ParcelFound", "{}")], expected=NO_STREAM)
    query = ("sql", "SELECT count(*) AS n FROM orders", "--csv", "--log", shop)
    error = run(*query, code=1).err
    assert "'ParcelLost' (position 11, stream 'parcel-1')" in error or "'ParcelFound' (position 12" in error
    assert "ORDERS_ES_LEAVE_OUT=" in error
    assert "'ParcelFound'" in run(*query, env={"ORDERS_ES_LEAVE_OUT": "ParcelLost"}, code=1).err
    assert run(*query, env={"ORDERS_ES_LEAVE_OUT": "ParcelLost, ParcelFound"}).out == "n\n2\n"

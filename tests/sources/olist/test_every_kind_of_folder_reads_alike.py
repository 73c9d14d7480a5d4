import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.errors import BadSource
from orders_es.log import open_log
from orders_es.sources.olist import import_olist


def history(log):
    return [
        (e["stream_id"], e["version"], e["type"], e["occurred_at"], e["payload"])
        for batch in log.read()
        for e in batch.to_pylist()
    ]


@pytest.fixture
def imported_as(tmp_path):
    def imported_as(folder, **options):
        with open_log(tmp_path / f"log of {folder.name}", create=True) as log:
            import_olist(log, folder, **options)
            return history(log)

    return imported_as


def test_csv_with_and_without_a_byte_order_mark_and_parquet(imported_as, write, files):
    published = imported_as(write(files, "published"))
    assert len(published) == 34
    assert imported_as(write(files, "resaved", encoding="utf-8")) == published
    assert imported_as(write(files, "parquet", kind=".parquet")) == published


def test_parquet_with_typed_columns(imported_as, write, files):
    published = imported_as(write(files, "published"))
    folder = write(files, "typed", kind=".parquet")
    types = {
        "orders": {
            name: pa.timestamp("ns")
            for name in (
                "order_purchase_timestamp",
                "order_approved_at",
                "order_delivered_carrier_date",
                "order_delivered_customer_date",
            )
        },
        "order_items": {"order_item_id": pa.int64(), "price": pa.float64(), "freight_value": pa.float64()},
        "order_payments": {"payment_sequential": pa.int64(), "payment_value": pa.float64()},
        "customers": {"customer_zip_code_prefix": pa.int64()},
    }
    for what, columns in types.items():
        path = folder / f"olist_{what}_dataset.parquet"
        table = pq.read_table(path)
        for name, kind in columns.items():
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table.column(name).cast(kind))
        pq.write_table(table, path)
    assert imported_as(folder) == published


def test_batches_of_any_size_give_the_same(imported_as, write, files):
    whole = imported_as(write(files, "whole"))
    assert imported_as(write(files, "cut"), batch_events=7) == whole


def test_a_folder_may_mix_both_kinds(imported_as, write, files):
    whole = imported_as(write(files, "whole"))
    mixed = write(files, "mixed")
    (mixed / "olist_customers_dataset.csv").unlink()
    parquet = write({"customers": files["customers"]}, "parquet", kind=".parquet") / "olist_customers_dataset.parquet"
    parquet.rename(mixed / parquet.name)
    assert imported_as(mixed) == whole


def test_without_the_products_items_have_no_description(imported_as, write, files):
    del files["products"]
    assert not any("description" in payload for *_, payload in imported_as(write(files)))


@pytest.mark.parametrize("missing", ["orders", "order_items", "order_payments", "customers"])
def test_every_other_file_that_is_missing_is_named(log, write, files, missing):
    del files[missing]
    with pytest.raises(BadSource, match=f"olist_{missing}_dataset.csv: there is no such file"):
        import_olist(log, write(files))
    assert log.head().position == 0


def test_a_file_that_is_there_twice_is_refused(log, write, files):
    folder = write(files)
    write({"orders": files["orders"]}, "other", kind=".parquet").joinpath("olist_orders_dataset.parquet").rename(
        folder / "olist_orders_dataset.parquet"
    )
    with pytest.raises(BadSource, match=r"both olist_orders_dataset\.csv and olist_orders_dataset\.parquet are there"):
        import_olist(log, folder)


def test_what_is_no_folder_is_said_so(log, tmp_path):
    with pytest.raises(BadSource, match="there is no such folder; give the folder into which"):
        import_olist(log, tmp_path / "nowhere")
    (tmp_path / "archive.zip").write_bytes(gzip.compress(b""))
    with pytest.raises(BadSource, match="it is a file; give the folder"):
        import_olist(log, tmp_path / "archive.zip")


def test_a_file_that_lacks_a_column_is_named_with_the_column(log, write, files):
    folder = write(files)
    path = folder / "olist_order_items_dataset.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("freight_value", "freight"), encoding="utf-8")
    with pytest.raises(BadSource, match=r"olist_order_items_dataset\.csv: it lacks the column freight_value"):
        import_olist(log, folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_error": "ignore"}, "give 'stop' or 'quarantine'"),
        ({"quarantine": "bad"}, "add on_error='quarantine'"),
        ({"batch_events": 0}, "give 1 or more"),
        ({"currency": "reais"}, "three capital letters"),
        ({"tz": "America/Sao_Paolo"}, "is not a time zone"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(log, write, files, options, words):
    with pytest.raises(ValueError, match=words):
        import_olist(log, write(files), **options)

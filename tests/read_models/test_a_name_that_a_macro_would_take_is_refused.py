"""In `…_at(at, known_at)` DuckDB puts the argument wherever a column is called `at` and nothing more."""

import pytest

from orders_es.errors import BadReadModel
from orders_es.read_models import load_read_models


@pytest.mark.parametrize("column", ['"at"', '"AT"', "known_at"])
def test_a_column_named_only_at_is_refused_with_its_line(tmp_path, column):
    (tmp_path / "mine.sql").write_text(f"-- Mine: one row.\nSELECT\n    {column}::DATE AS day\nFROM moment")
    with pytest.raises(BadReadModel, match=r"mine\.sql', line 3 .*write moment\."):
        load_read_models(tmp_path)


def test_with_its_table_it_is_the_column(tmp_path):
    (tmp_path / "mine.sql").write_text('-- Mine: one row.\nSELECT moment."at" AS "at", moment.known_at FROM moment')
    assert [model.name for model in load_read_models(tmp_path) if model.path.startswith(str(tmp_path))] == ["mine"]

import pytest

from orders_es.log import NO_STREAM, open_log
from orders_es.testing.log_contract.basis import events


@pytest.fixture
def source(tmp_path):
    with open_log(tmp_path / "source", create=True) as log:
        log.append("A", events(5), expected=NO_STREAM)
        log.append("B", events(2), expected=NO_STREAM)
    return log


@pytest.mark.parametrize("name", ["copy", "copy.duckdb"])
def test_both_roots_are_printed_and_are_that_of_the_source(run, tmp_path, source, name):
    root = source.head().root.hex()
    said = run("copy", tmp_path / "source", tmp_path / name).out
    assert said.count(root) == 2
    assert "the roots are equal" in said
    assert run("info", "--json", "--log", tmp_path / name).json["head"]["root"] == root


def test_the_same_in_json(run, tmp_path, source):
    root = source.head().root.hex()
    said = run("copy", tmp_path / "source", tmp_path / "copy.duckdb", "--json").json
    assert (said["root_from"], said["root_to"], said["equal"]) == (root, root, True)
    assert (said["from"], said["to"]) == (str(tmp_path / "source"), str(tmp_path / "copy.duckdb"))
    assert (said["events"], said["resumed"]) == (7, 0)


def test_a_copy_onto_something_is_a_wrong_call(run, tmp_path, source):
    assert source.head().position
    answer = run("copy", tmp_path / "source", tmp_path / "source", code=2)
    assert "is in the log" in answer.err
    assert "name another place" in answer.err
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("dear")
    answer = run("copy", tmp_path / "source", tmp_path / "taken", code=2)
    assert "something is there" in answer.err


def test_a_copy_of_nothing_is_a_wrong_call_and_makes_nothing(run, tmp_path):
    answer = run("copy", tmp_path / "mistyped.duckdb", tmp_path / "copy", code=2)
    assert "mistyped.duckdb" in answer.err
    assert list(tmp_path.iterdir()) == []

import pytest


def test_compact_says_what_it_merged_and_what_comes_next(run, many_files):
    text = run("compact", "--log", many_files).out
    assert "merged 201 events into 1 segment" in text
    assert f"orders-es vacuum --log {many_files}" in text


def test_compact_on_a_compact_log_says_that_there_was_nothing_to_do(run, many_files):
    run("compact", "--log", many_files)
    assert "nothing to merge" in run("compact", "--log", many_files).out


def test_compact_as_json(run, many_files):
    answer = run("compact", "--log", many_files, "--json").json
    assert set(answer) == {"files_before", "files_after", "segments", "events", "seconds", "sorted_copies", "states"}
    assert (answer["files_before"], answer["events"], answer["segments"]) == (201, 201, 1)


def test_vacuum_waits_for_the_grace_period(run, many_files):
    run("compact", "--log", many_files)
    text = run("vacuum", "--log", many_files).out
    assert "nothing to remove" in text
    assert "201 superseded files wait for 1 hour to pass" in text


def test_vacuum_removes_what_is_superseded_and_no_event(run, many_files):
    before = run("info", "--log", many_files, "--json").json
    run("compact", "--log", many_files)
    answer = run("vacuum", "--grace", "0s", "--log", many_files, "--json").json
    assert set(answer) == {"files", "leftovers", "bytes", "waiting"}
    assert (answer["files"], answer["waiting"]) == (201, 0)
    after = run("info", "--log", many_files, "--json").json
    assert after["head"] == before["head"]
    assert after["streams"] == before["streams"]


@pytest.mark.parametrize("text", ["", "soon", "-1h", "1.5h", "1w", "1 hour"])
def test_a_grace_that_is_no_length_of_time_is_a_wrong_call(run, shop, text):
    assert "write 90s, 15m, 1h or 7d" in run("vacuum", "--grace", text, "--log", shop, code=2).err

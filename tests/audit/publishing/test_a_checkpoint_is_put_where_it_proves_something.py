import shutil
import subprocess

import pytest

from orders_es.audit import checkpoint, generate_key, publish, read_checkpoint
from orders_es.errors import BadCheckpoint, CannotPublish, NoCheckpoint, NotAnExtension, TargetInLog
from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced


def add(log, order="A-1"):
    log.append(order, [OrderPlaced()], expected=ANY)


@pytest.fixture
def signer():
    return generate_key("example.com/shop")


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        add(log)
        yield log


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "auditor").mkdir()
    return tmp_path / "auditor"


@pytest.fixture
def repository(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("there is no git to publish with")
    place = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", place], check=True)
    for name, value in (("user.name", "a"), ("user.email", "a@example.com"), ("commit.gpgsign", "false")):
        subprocess.run(["git", "-C", place, "config", name, value], check=True)
    return place


def git(place, *arguments):
    return subprocess.run(["git", "-C", place, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_into_several_places_in_one_call(log, signer, folder, repository, tmp_path):
    signed = checkpoint(log, signer)
    done = publish(log, [folder, repository, tmp_path / "latest"])
    assert [one.kind for one in done] == ["folder", "git", "file"]
    assert [one.path.read_bytes() for one in done] == [signed.note] * 3
    assert done[1].commit == git(repository, "rev-parse", "HEAD")
    assert "Checkpoint of example.com/shop at 1 events" in git(repository, "log", "-1", "--format=%B")


def test_a_repository_gets_a_commit_for_each_and_none_for_nothing_new(log, signer, repository):
    for _ in range(2):
        checkpoint(log, signer)
        publish(log, [repository])
        assert publish(log, [repository])[0].commit is None
        add(log)
    assert git(repository, "rev-list", "--count", "HEAD") == "2"


def test_work_under_way_in_the_repository_is_not_committed(log, signer, repository):
    (repository / "draft.txt").write_text("draft")
    git(repository, "add", "draft.txt")
    checkpoint(log, signer)
    publish(log, [repository])
    assert git(repository, "status", "--porcelain") == "A  draft.txt"


def test_a_file_is_replaced_and_a_folder_keeps_all(log, signer, folder, tmp_path):
    for _ in range(3):
        checkpoint(log, signer)
        publish(log, [folder, tmp_path / "latest"])
        add(log)
    assert len(list(folder.iterdir())) == 3
    assert read_checkpoint(tmp_path / "latest").size == 3


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_rewritten_log_is_found_by_what_was_published(log, signer, folder, tmp_path, kind):
    place = folder if kind == "folder" else tmp_path / "latest"
    checkpoint(log, signer)
    publish(log, [place])
    log.close()
    shutil.rmtree(tmp_path / "log")
    with open_log(tmp_path / "log", create=True) as other:
        add(other, "B-1")
        add(other, "B-2")
        checkpoint(other, signer)
        with pytest.raises(NotAnExtension):
            publish(other, [tmp_path / "new", place])
    assert not (tmp_path / "new").exists()


def test_an_older_checkpoint_does_not_replace_a_newer_file(log, signer, tmp_path):
    first = checkpoint(log, signer)
    add(log)
    checkpoint(log, signer)
    publish(log, [tmp_path / "latest"])
    with pytest.raises(CannotPublish, match="newer one"):
        publish(log, [tmp_path / "latest"], checkpoint=first)
    assert read_checkpoint(tmp_path / "latest").size == 2


def test_what_is_something_else_is_left_alone(log, signer, tmp_path, folder):
    checkpoint(log, signer)
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(BadCheckpoint):
        publish(log, [tmp_path / "letter"])
    assert (tmp_path / "letter").read_text() == "dear"
    publish(log, [folder])
    add(log)
    checkpoint(log, generate_key("example.com/other"))
    with pytest.raises(BadCheckpoint, match="another folder"):
        publish(log, [folder])


def test_inside_the_log_it_proves_nothing_and_is_refused(log, signer, tmp_path):
    checkpoint(log, signer)
    with pytest.raises(TargetInLog):
        publish(log, [tmp_path / "log" / "here"])


def test_a_log_that_is_not_signed_has_nothing_to_publish(log, folder):
    with pytest.raises(NoCheckpoint):
        publish(log, [folder])


def test_gits_refusal_is_told(log, signer, repository):
    checkpoint(log, signer)
    (repository / ".git" / "hooks").mkdir(exist_ok=True)
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(CannotPublish, match="not on a Friday"):
        publish(log, [repository])

import ast
import builtins
import importlib
import inspect
import pickle
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es import errors

SAMPLES = {
    "OrdersEsError": ("said",),
    "LogError": ("said",),
    "EventError": ("said",),
    "VersionConflict": ("A-1", 3, 5),
    "SourceConflict": ("src.csv", 7, "A-1", 5, "import it elsewhere"),
    "NotALog": ("/folder", "there is none"),
    "DamagedLog": ("/file", "it is cut short"),
    "ForeignFile": ("/file", "it has no footer"),
    "ReadOnlyLog": ("/folder", "it was opened to be read"),
    "CannotErase": ("/folder", "why"),
    "ErasureUnfinished": ("/folder", "somebody reads it"),
    "UnderLegalHold": ("order 'A-1'", "H-1", "Legal", "case 17"),
    "NoSuchHold": ("/folder", "H-1"),
    "StorageError": ("/folder", "No space left on device"),
    "UnconfirmedWrite": ("/folder/commits/1.parquet", "Input/output error"),
    "UnreadableLog": ("/folder/file", "Too many open files"),
    "DuplicateEvent": ("0b5d9e4c", "it is twice"),
    "FilesNotAllowed": ("COPY reads or writes a file", "COPY orders TO 'a.csv'"),
    "TargetInLog": ("/log/commits/1.parquet", "/log"),
    "QueryError": ("Parser Error: there is a comma too many", "SELECT ,"),
    "LogNotEmpty": ("/folder", 5, "it needs a new one"),
    "LogChanged": ("/folder", "another log is in its place now"),
    "LogBusy": ("/folder", 9, 60.5),
    "LogUnavailable": ("postgresql://db/shop", "Connection refused", "See that the server runs"),
    "UnansweredAppend": ("postgresql://db/shop", "the connection is closed"),
    "LogInUse": ("/log.duckdb", 4711, "python3"),
    "UnknownEventType": ("ParcelLost", 7, "A-1", "parcels 2.1"),
    "InvalidEvent": ("ItemAdded", "price", "it is a float"),
    "UpcastFailed": ("ItemAdded", "price", "it raised", 1, 7, "A-1", '{"price":1}'),
    "RegistrationClash": ("A.pieces", "it is taken"),
    "CommandRejected": ("placed_with_items", "there are none"),
    "BadDomain": ("parcels:PARCELS", "not a Decider"),
    "OutletMismatch": ("folder:out", "it holds another log"),
    "OutletUnavailable": ("folder:out", "no room"),
    "RowsRefused": ("folder:out", {0: "too long"}),
    "OrderNotFound": ("A-1", "not yet", ("A-2", "A-3")),
    "StreamNotFound": ("parcel-1", "not yet", ("parcel-2",)),
    "ProjectionError": ("said",),
    "ReadModelsInUse": ("models.duckdb", 4711, "python3", 5.5),
    "NoReadModels": ("models.duckdb",),
    "DamagedReadModels": ("models.duckdb", "it is cut short"),
    "CannotGiveMetrics": ("127.0.0.1:9188", "Address already in use"),
    "CannotWriteReadModels": ("models.duckdb", "No space left on device"),
    "ProjectionRunning": ("orders", 4711, "box"),
    "ProjectionChanged": ("orders", "has another SELECT", "models.duckdb"),
    "ProjectionStopped": ("orders", 7, "A-1", "no such item"),
    "LogReplaced": ("orders", "another identity"),
    "UnknownProjection": ("order", ("orders",)),
    "TableTaken": ("emails", "mails", "letters"),
    "NothingToRollBackTo": ("orders",),
    "NoSuchDeadLetter": (7,),
    "ProofError": ("said",),
    "BadKey": ("shop.key", "others can read it"),
    "BadCheckpoint": ("head.txt", "it is not signed"),
    "BadProof": ("A-1.tlog-proof", "another root"),
    "NotAnExtension": ("/folder", 5, "another root"),
    "NoCheckpoint": ("/folder", "sign one"),
    "NoSuchClose": ("2026-06", ("2026-05",)),
    "CannotServe": ("127.0.0.1:8000", "Address already in use"),
    "CannotPublish": ("/folder", "No space left on device"),
    "InvalidTime": ("yesterday", "it is no time"),
    "NaiveTime": ("at", datetime(2026, 6, 3, 15)),  # noqa: DTZ001 - that is the point
    "CannotExport": ("orders.xlsx", "Excel holds 1,048,576 rows"),
    "CannotWriteFile": ("june/orders.csv", "No space left on device"),
    "NotAnExport": ("orders.csv", "it does not say so"),
    "BadReadModel": ("totals.sql", "it holds no SELECT", 7),
    "BadSource": ("src.csv", 7, "no date"),
    "SourceUnavailable": ("postgresql://db/shop public.events", "the server closed the connection"),
    "InvalidSetting": ("orders", -1, "give 0 or more"),
    "InvalidArgument": ("limit=-1: give 0 or more",),
    "WrongType": ("stream_id=7 is int; an id is text",),
}


def tree():
    """What the module's docstring draws: each error, its parent, and the builtin it also is."""
    path, drawn = [], {}
    for line in inspect.getdoc(errors).splitlines():
        match = re.match(r"^    ([ │├└─]*)(\w+)(?: +\((\w+)\))?(?: |$)", line)
        if not match or not isinstance(getattr(errors, match[2], None), type):
            continue
        depth = len(match[1]) // 4
        path[depth:] = [match[2]]
        drawn[match[2]] = (path[depth - 1] if depth else None, match[3])
    return drawn


def test_the_list_of_names_is_complete_and_sorted():
    defined = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type)
        and issubclass(value, Exception)
        and value.__module__.startswith(f"{errors.__name__}.")
    ]
    assert errors.__all__ == sorted(defined)


def test_there_is_a_sample_of_every_error():
    assert sorted(SAMPLES) == errors.__all__


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = tree()
    assert sorted(drawn) == errors.__all__
    for name, (parent, builtin) in drawn.items():
        cls = getattr(errors, name)
        if parent is not None:
            assert getattr(errors, parent) in cls.__bases__, name
        if builtin is not None:
            assert issubclass(cls, getattr(builtins, builtin)), name


@pytest.mark.parametrize("name", errors.__all__)
def test_an_error_survives_pickling(name):
    error = getattr(errors, name)(*SAMPLES[name])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
        assert again.args == error.args


@pytest.mark.parametrize("name", errors.__all__)
def test_the_facts_of_an_error_are_attributes_and_stand_in_its_text(name):
    cls = getattr(errors, name)
    error = cls(*SAMPLES[name])
    assert "\n" not in str(error)
    if SAMPLES[name] != ("said",):
        for parameter in list(inspect.signature(cls).parameters):
            assert getattr(error, parameter) in SAMPLES[name]


@pytest.mark.parametrize("name", [name for name in errors.__all__ if SAMPLES[name] != ("said",)])
def test_an_error_takes_its_facts_by_name_too_and_no_others(name):
    cls = getattr(errors, name)
    named = dict(zip(inspect.signature(cls).parameters, SAMPLES[name], strict=False))
    assert cls(**named).args == cls(*SAMPLES[name]).args
    with pytest.raises(TypeError):
        cls()
    with pytest.raises(TypeError):
        cls(**named, weather="fine")
    with pytest.raises(TypeError):
        cls(*range(9))


@pytest.mark.parametrize("name", [name for name, (_, builtin) in sorted(tree().items()) if builtin])
def test_an_error_can_be_caught_as_the_fitting_builtin(name):
    builtin = getattr(builtins, tree()[name][1])
    with pytest.raises(builtin):
        raise getattr(errors, name)(*SAMPLES[name])


@pytest.mark.long
@given(st.datetimes(), st.sampled_from(["at", "known_at", "occurred_at"]))
def test_a_naive_time_is_answered_with_the_corrected_call(value, argument):
    text = str(errors.NaiveTime(argument, value))
    [call] = re.findall(rf"write ({argument}=datetime\([^()]*\))", text)
    ast.parse(f"ask({call})")
    [imported] = re.findall(r"`(from datetime import [\w, ]+)`", text)
    names = {}
    exec(imported, names)
    corrected = eval(f"dict({call})", names)[argument]
    assert corrected == value.replace(tzinfo=UTC)


def test_importing_the_errors_loads_nothing_else():
    assert importlib.import_module("orders_es.errors") is errors
    for file in Path(errors.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module in {"__future__", "typing", "datetime"} or node.module.startswith(
                    "orders_es.errors."
                )

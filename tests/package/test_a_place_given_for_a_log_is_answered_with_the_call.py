"""Whoever gives a place, a session or a frame where an open log is needed is told what to write instead."""

import importlib
import inspect
import pkgutil

import pytest

import orders_es
from orders_es.log import open_log
from orders_es.log.log_argument import check_log
from orders_es.replay import connect

ROOMS = ("", ".replay", ".audit", ".service", ".export", ".projections", ".report", ".log")


def _functions():
    for room in ROOMS:
        module = importlib.import_module(f"orders_es{room}")
        for name in module.__all__:
            function = getattr(module, name)
            target = function.__init__ if inspect.isclass(function) else function
            if not inspect.isfunction(target):
                continue
            parameters = [p for p in inspect.signature(target).parameters.values() if p.name != "self"]
            if name != "Case" and parameters and parameters[0].name == "log" and parameters[0].annotation == "EventLog":
                required = [None for p in parameters[1:] if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
                named = {p.name: None for p in parameters[1:] if p.default is p.empty and p.kind is p.KEYWORD_ONLY}
                yield pytest.param(function, required, named, id=f"{room}.{name}")


@pytest.mark.parametrize(("function", "required", "named"), list(_functions()))
def test_every_public_function_says_how_to_open_it(function, required, named):
    with pytest.raises(TypeError, match=r"write open_log\('shop'\)"):
        function("shop", *required, **named)


def test_what_is_no_log_at_all_is_named():
    with open_log(":memory:") as log, connect(log) as session, pytest.raises(TypeError, match=r"it is session\.log"):
        check_log(session)
    with pytest.raises(TypeError, match="log=None is NoneType"):
        check_log(None)


def test_a_session_opens_a_place_and_closes_it(tmp_path):
    open_log(tmp_path / "shop", create=True).close()
    with connect(tmp_path / "shop") as session:
        assert session.sql("FROM orders").rows() == []
    with pytest.raises(ValueError, match="no log at"):
        connect(tmp_path / "mistyped")


def test_rooms_are_there():
    found = {module.name for module in pkgutil.iter_modules(orders_es.__path__)}
    assert {room.removeprefix(".") for room in ROOMS if room} <= found

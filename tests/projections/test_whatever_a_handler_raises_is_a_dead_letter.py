"""No exception of a handler ends a runner without a word: the event is a dead letter, and the others go on."""

import threading

import pytest

from orders_es.errors import ProjectionError
from orders_es.orders import OrderPlaced
from orders_es.projections import Handlers
from orders_es.projections.file.dead_letters import Failure


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("not even that")


class Unpicklable(Exception):
    def __reduce__(self):
        raise TypeError("never")


class Own(BaseException):
    pass


RAISED = {
    "a lone surrogate": (ValueError("bad \udce9 text"), r"ValueError: bad \udce9 text"),
    "a NUL": (ValueError("bad \0 text"), r"ValueError: bad \x00 text"),
    "SystemExit": (SystemExit(3), "SystemExit: 3"),
    "GeneratorExit": (GeneratorExit(), "GeneratorExit:"),
    "StopIteration": (StopIteration("over"), "StopIteration: over"),
    "a BaseException of its own": (Own("mine"), "Own: mine"),
    "no text": (Unspeakable(), "Unspeakable, whose text cannot be had: ValueError"),
    "not to be pickled": (Unpicklable("so there"), "Unpicklable: so there"),
    "a megabyte": (ValueError("x" * 1_000_000), f"ValueError: {'x' * 1988}… (1,000,012 characters)"),
    "several lines": (ValueError("one\n two"), "ValueError: one two"),
    "a group": (
        ExceptionGroup("two", [ValueError("one"), ValueError("\udce9")]),
        "ExceptionGroup: two (2 sub-exceptions)",
    ),
    "too deep": (
        RecursionError("maximum recursion depth exceeded"),
        "RecursionError: maximum recursion depth exceeded",
    ),
}


def handlers(error, *, name="fails", tables=True, on_error="continue"):
    def fail(event, _tables):
        if event.stream_id == "A-1":
            raise error

    return Handlers(
        name,
        1,
        {OrderPlaced: fail},
        tables=f"CREATE TABLE {name}_nothing(n INTEGER)" if tables else "",
        on_error=on_error,
        attempts=1,
    )


@pytest.mark.long
@pytest.mark.parametrize("tables", [True, False])
def test_it_is_put_aside_and_the_next_events_are_processed(shop, tables):
    """A projection for each kind of exception, side by side in one runner."""
    names = {f"fails_{number}": what for number, what in enumerate(RAISED)}
    ran = shop.projector(*(handlers(RAISED[what][0], name=name, tables=tables) for name, what in names.items())).run()
    assert [each.position for each in ran] == [ran[0].head_position] * len(RAISED)
    letters = {letter.projection: letter for letter in shop.models.dead_letters()}
    assert {names[name]: (letter.stream_id, letter.error) for name, letter in letters.items()} == {
        what: ("A-1", said) for what, (_, said) in RAISED.items()
    }
    for letter in letters.values():
        assert "in fail" in letter.traceback, "where it was raised"
        assert len(letter.traceback) < 30_000
    assert {state.status for state in shop.models.status()} == {"ok"}


@pytest.mark.long_but_first
@pytest.mark.parametrize("what", ["a lone surrogate", "SystemExit", "no text"])
def test_where_it_stops_the_row_and_the_error_say_why(shop, what):
    error, said = RAISED[what]
    [ran] = shop.projector(handlers(error, on_error="stop")).try_run()
    assert said in str(ran.error)
    [state] = shop.models.status()
    assert (state.status, state.error) == ("stopped_by_error", said)


def test_a_retry_of_it_counts_on(shop):
    projector = shop.projector(handlers(SystemExit(3)))
    projector.run()
    [letter] = projector.retry("fails")
    assert (letter.state, letter.attempts) == ("open", 2)


def test_ctrl_c_in_a_handler_is_ctrl_c(shop):
    with pytest.raises(KeyboardInterrupt):
        shop.projector(handlers(KeyboardInterrupt())).run()
    assert not shop.models.dead_letters()


def test_what_nobody_foresaw_is_said_at_once_while_the_others_go_on(shop, monkeypatch):
    from orders_es.projections.run import handler_work

    def broken(*_args, **_options):
        raise ZeroDivisionError("nobody\ud800 foresaw this")

    monkeypatch.setattr(handler_work, "put_aside", broken)
    stop, heard = threading.Event(), []

    def told(name, error, ended):
        heard.append((name, type(error), str(error), ended))
        stop.set()

    with pytest.raises(ZeroDivisionError):
        shop.projector(handlers(ValueError("x")), *shop.projector().projections).follow(stop, notify=told)
    [(name, kind, text, ended)] = heard
    assert (name, kind, ended) == ("fails", ProjectionError, True)
    assert "ZeroDivisionError" in text
    assert text.encode()


def test_a_failure_of_any_text_can_be_stored():
    failure = Failure.of(ValueError("".join(map(chr, range(0xD7F0, 0xE010)))), 1)
    assert failure.error.encode()
    assert failure.traceback.encode()

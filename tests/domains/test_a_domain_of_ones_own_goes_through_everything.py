"""The example package `examples/courier`: commands, snapshots, a process manager, SQL, projections, the command line."""

import json
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es import connect, domains, handle, open_log
from orders_es.cli import main
from orders_es.decider import Decider, StateCodec
from orders_es.errors import BadDomain, CommandRejected, InvalidSetting, StreamNotFound
from orders_es.orders import ORDERS, CreateOrder
from orders_es.projections import Projector, ReadModels, SetProjection
from orders_es.replay import Snapshots, load_state

EXAMPLE = Path(__file__).parents[2] / "examples" / "courier"
EVENING = datetime(2011, 6, 2, 18, tzinfo=UTC)


@pytest.fixture
def parcels(monkeypatch):
    """The package, as it is where it is installed: importable, and with its entry point."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    point = metadata.EntryPoint("parcels", "courier:PARCELS", domains.GROUP)
    monkeypatch.setattr(domains, "entry_points", lambda group: [point] if group == domains.GROUP else [])
    import courier.tour  # found only now

    yield courier
    for name in [name for name in sys.modules if name.partition(".")[0] == "courier"]:
        del sys.modules[name]


@pytest.fixture
def log(parcels, tmp_path):
    with parcels.tour.record(str(tmp_path / "log")) as opened:
        yield opened


def test_the_tour_runs(parcels, tmp_path, capsys):
    parcels.tour.main(str(tmp_path / "tour"))
    told = capsys.readouterr().out
    assert "depot='York', weight_g=102, scans=1, missing=True" in told
    assert "on 2 June:  [('Leeds', 3, 303)]" in told
    assert "projected:  [('York', 3, 303)]" in told


def test_its_rules_hold(parcels, log):
    with pytest.raises(CommandRejected, match="is at York already") as error:
        handle(log, "parcel-0", parcels.HandIn("Hull", 1), decider=parcels.PARCELS)
    assert error.value.rule == "handed_in_once"


def test_a_repeated_command_is_harmless(parcels, log):
    again = handle(log, "parcel-0", parcels.Scan("York"), decider=parcels.PARCELS, command_id="scan")
    assert again.duplicate
    assert log.stream_version("parcel-0") == 2


def test_its_snapshots_change_no_answer_and_are_checked(parcels, log):
    before = load_state(log, "parcel-2", parcels.PARCELS)
    snapshots = Snapshots(log, decider=parcels.PARCELS, every=2)
    assert snapshots.take("parcel-2") == 1
    assert load_state(log, "parcel-2", parcels.PARCELS) == before
    [file] = snapshots.files()
    assert snapshots.stream_of(file) == "parcel-2"
    assert snapshots.wrong_with(file) is None
    assert not Snapshots(log).stale(file), "another domain's snapshots are no concern of orders"
    file.path.write_bytes(b"else")
    assert "damaged" in snapshots.wrong_with(file)
    assert load_state(log, "parcel-2", parcels.PARCELS) == before


def test_its_process_manager_asks_once(parcels, log, tmp_path):
    for name in ("one", "two"):
        Projector(log, tmp_path / f"{name}.duckdb", [parcels.tour.SEARCH]).run()
    assert [event.type for event in log.load("parcel-2")][2:] == ["ParcelMissed", "ParcelSearched"]
    assert log.load("parcel-2")[-1].actor == "search"


def test_its_read_model_answers_at_any_moment_and_as_a_projection(parcels, log, tmp_path):
    with connect(log, read_models=parcels.PARCELS.read_models) as session:
        assert session.sql("FROM depots", at=EVENING).rows() == [("Leeds", 3, 303)]
        assert session.sql("FROM orders").rows() == []
    file = tmp_path / "models.duckdb"
    Projector(log, file, [SetProjection.of("depots", parcels.PARCELS.read_models)]).run()
    assert ReadModels(file).query("FROM depots").rows() == [("York", 3, 303)]


def run(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.long
@pytest.mark.usefixtures("parcels")
def test_the_command_line_knows_it_by_its_entry_point(log):
    shown = json.loads(run("show", "parcel-2", "--at", "2011-06-02", "--log", log.url, "--json"))
    assert (shown["domain"], shown["state"]["depot"], shown["state"]["scans"]) == ("parcels", "Leeds", 0)
    assert "missing    true" in run("show", "parcel-2", "--log", log.url)
    told = run("history", "parcel-2", "--log", log.url)
    assert told.startswith("parcel-2 (parcels): 3 events")
    assert "scanned at York" in told
    assert "total" not in told
    history = json.loads(run("history", "parcel-2", "--log", log.url, "--json"))
    assert (history["domain"], history["stream_id"]) == ("parcels", "parcel-2")
    assert [event["summary"] for event in history["events"]] == [
        "handed in at Leeds, 102 g",
        "scanned at York",
        "missed",
    ]
    assert run("sql", "FROM depots", "--at", "2011-06-02", "--log", log.url, "--csv").split()[1] == "Leeds,3,303"
    assert "took 1 snapshot" in run("snapshots", "take", "parcel-2", "--every", "2", "--log", log.url)
    assert "parcel-2" in run("snapshots", "list", "--log", log.url)
    assert "1 snapshot" in run("verify", "--log", log.url)
    file = Path(log.url).with_name("models.duckdb")
    run("project", "run", "depots", "--models", file, "--log", log.url)
    assert ReadModels(file).query("FROM depots").rows() == [("York", 3, 303)]


def test_the_command_line_knows_it_by_its_name(parcels, log, monkeypatch):
    monkeypatch.setattr(domains, "entry_points", lambda **_: [])
    assert parcels.PARCELS.name in run("show", "parcel-2", "--domain", "courier:PARCELS", "--log", log.url)


@pytest.mark.usefixtures("parcels")
def test_orders_beside_it_stay_orders(log):
    handle(log, "A-1", CreateOrder(currency="EUR"))
    assert "order A-1: created" in run("show", "A-1", "--log", log.url)


def test_a_stream_that_is_not_there_is_told(parcels, log):
    with pytest.raises(StreamNotFound, match=r"no stream 'parcel-9'.*did you mean parcel-"):
        load_state(log, "parcel-9", parcels.PARCELS)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("courier", "write module:name"),
        ("courier:", "write module:name"),
        ("no_such_module_here:X", "cannot be imported"),
        ("orders_es.decider:NOTHING", "cannot be imported"),
        ("orders_es.orders:decide", "not a Decider"),
    ],
)
def test_a_domain_that_is_none_is_one_line(name, reason, tmp_path):
    open_log(tmp_path / "log", create=True).close()
    result = CliRunner().invoke(main, ["info", "--domain", name, "--log", str(tmp_path / "log")])
    assert result.exit_code == 2
    assert reason in result.output
    assert len(result.output.splitlines()) == 1


def test_two_domains_may_not_share_a_name_or_an_event_type(parcels, monkeypatch):
    other = Decider(
        name="parcels",
        event_types=(parcels.ParcelScanned,),
        decide=lambda _command, _state: [],
        evolve=lambda state, _event: state,
        initial=lambda _stream: None,
    )
    monkeypatch.setattr(sys.modules["courier"], "OTHER", other, raising=False)
    with pytest.raises(BadDomain, match="another domain 'parcels'"):
        domains.known_domains(["courier:OTHER"])


def test_orders_are_known_first_and_once():
    assert domains.known_domains(["orders_es.orders:ORDERS"])[0] is ORDERS


@pytest.mark.parametrize("setting", [{"name": "My Parcels"}, {"name": "x", "version": 0}])
def test_a_decider_refuses_what_cannot_be(setting):
    with pytest.raises(InvalidSetting):
        Decider(
            event_types=(),
            decide=lambda _command, _state: [],
            evolve=lambda state, _event: state,
            initial=lambda _stream: None,
            **setting,
        )


def test_a_state_that_msgspec_does_not_know_needs_functions_of_its_own():
    with pytest.raises(InvalidSetting, match="functions of your own"):
        StateCodec.of(dict)

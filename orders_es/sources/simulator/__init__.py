"""A shop that never was: order lives as a real one's, for demos, tests and measurements.

`SimulatorSettings` holds its rates, `simulate` makes tables of events, `simulate_into` records them in a new log on
simulated time, and `simulate_live` has several writers append in real time.
"""

from orders_es.sources.simulator.generate import simulate
from orders_es.sources.simulator.live import LiveResult, WriterReport, simulate_live
from orders_es.sources.simulator.recording import SimulationResult, simulate_into
from orders_es.sources.simulator.settings import Delay, SimulatorSettings

__all__ = [
    "Delay",
    "LiveResult",
    "SimulationResult",
    "SimulatorSettings",
    "WriterReport",
    "simulate",
    "simulate_into",
    "simulate_live",
]

"""A shop that never was: order lives as a real one's, for demos, tests and measurements.

`SimulatorSettings` holds its rates, `simulate` makes tables of events.
"""

from orders_es.sources.simulator.generate import simulate
from orders_es.sources.simulator.settings import Delay, SimulatorSettings

__all__ = ["Delay", "SimulatorSettings", "simulate"]

"""Where events come from: importers of other people's data, and the simulator."""

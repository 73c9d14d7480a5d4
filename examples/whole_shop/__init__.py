"""A shop with everything that stands around an event store: a door, a log, tables, a dashboard, a search index, a warehouse, and somebody who watches."""

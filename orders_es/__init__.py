"""An embedded time machine for orders: an append-only event log on plain files, replayed to any moment."""

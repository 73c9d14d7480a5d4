"""Keeping projections up to date: batches, following, rebuilding, retrying. `Projector` is the way in."""

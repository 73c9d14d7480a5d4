"""Projections: read models kept in a DuckDB file as the log grows, each with a checkpoint that never disagrees with it."""

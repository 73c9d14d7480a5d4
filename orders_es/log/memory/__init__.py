"""Logs in memory: the reference, which shows what a backend is. `open_log("memory:")` makes one."""

from orders_es.log.memory.log import MemoryLog

__all__ = ["MemoryLog"]

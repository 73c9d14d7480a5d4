"""States that merge: partial results of read models for spans of a log, so that a question about all orders reads few events.

`make_states` makes them, sessions use those that there are, `wrong_states` holds them to the log. Nothing depends on them: every answer is the same without.
"""

from __future__ import annotations

from orders_es.replay.states.build import make_states, wrong_states

__all__ = ["make_states", "wrong_states"]

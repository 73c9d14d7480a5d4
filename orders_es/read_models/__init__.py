"""Read models: tables shaped for questions, each one SELECT over the relation `events` in a `.sql` file of its own.

The text is the definition. A session runs it live at any moment, and whatever keeps tables up to date runs the same text.
The files of this package are the house's own; `load_read_models(folder)` reads anybody's.
"""

from orders_es.read_models.models import ReadModel, load_read_models

__all__ = ["ReadModel", "load_read_models"]

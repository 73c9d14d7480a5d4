"""Read models: tables shaped for questions, each one SELECT in a `.sql` file of its own.

The text is the definition: over the relation `events`, the one-row relation `moment` (what was asked for) and other read
models. A session runs it live at any moment, and whatever keeps tables up to date runs the same text. The files of this
package are the house's own; `load_read_models(folder)` adds anybody's.
"""

from orders_es.read_models.load import Folders, in_reading_order, is_shipped, load_read_models, needed_by
from orders_es.read_models.model import ReadModel

__all__ = ["Folders", "ReadModel", "in_reading_order", "is_shipped", "load_read_models", "needed_by"]

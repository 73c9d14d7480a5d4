"""For the site: `Example:` in a docstring is what griffe calls `Examples:`, so that it is shown as code and not as prose."""

from typing import Any

from griffe import Extension, Object


class ExamplesInDocstrings(Extension):
    """Renames the section before the docstring is parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Of each object that is found."""
        if obj.docstring is not None:
            lines = obj.docstring.value.split("\n")
            obj.docstring.value = "\n".join("Examples:" if line == "Example:" else line for line in lines)

"""A group of commands that loads the module of the one that is called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A click group of which most commands are only named, so that calling one does not pay for loading the others.

    Args:
        where: For each command's name, as a person types it, the module and the name in it: `"package.module:name"`.
        **settings: As for `click.Group`. Commands that are given or added there come first.
    """

    def __init__(self, *args: Any, where: Mapping[str, str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._where = dict(where)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were named: that in which a newcomer meets them."""
        del ctx
        return [*(name for name in self.commands if name not in self._where), *self._where]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, loaded."""
        if cmd_name in self._where and cmd_name not in self.commands:
            module, _, name = self._where[cmd_name].partition(":")
            self.add_command(getattr(import_module(module), name), cmd_name)
        return super().get_command(ctx, cmd_name)

"""The commands that put signed checkpoints and tiles where others see them: `publish`, `publish-tiles`."""

from __future__ import annotations

from pathlib import Path

import click

from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import count, print_json, print_text

__all__ = ["publish", "publish_tiles"]

_signing = click.option(
    "--key", metavar="FILE", type=click.Path(path_type=Path), help="Sign the log's head first, with this private key."
)
_chosen = click.option(
    "--checkpoint", metavar="FILE", help="The signed checkpoint; the newest one kept beside the log if left out."
)


@click.command(short_help="Put a signed checkpoint into files, folders and git repositories.")
@log_lines
@click.argument("places", metavar="PLACE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@_signing
@_chosen
@click.option("--push", is_flag=True, help="Push the commits, where a place is a git repository.")
@log_option()
@as_json
def publish(
    places: tuple[Path, ...], key: Path | None, checkpoint: str | None, push: bool, log: str, as_json: bool
) -> None:
    """Put a signed checkpoint where it can prove something: out of reach of whoever keeps the log.

    A folder gets a file for each checkpoint; a folder that is the top of a git repository gets a commit as well; anything
    else is a file, which the next checkpoint replaces. The log is held to what was published there before: if its past was
    rewritten since, nothing is published and the exit code is 1.

    \b
    Example:
      orders-es publish /mnt/auditor ~/checkpoints-repo --key ~/shop.key --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    if key is not None and checkpoint is not None:
        raise click.UsageError(
            "--key signs the log as it is now, --checkpoint names one signed before; give one of them"
        )
    with existing_log(log, writes=key is not None) as opened:
        signed = None if key is None else audit.checkpoint(opened, key, progress=somebody_watches(as_json))
        done = audit.publish(opened, places, checkpoint=signed or checkpoint, push=push)
    if as_json:
        names = ("place", "kind", "before", "commit")
        facts = [{**{name: getattr(one, name) for name in names}, "path": str(one.path)} for one in done]
        print_json({"log": log, "published": facts})
        return
    for one in done:
        commit = "" if one.commit is None else f", commit {one.commit[:12]}"
        print_text(f"{one.kind}: {one.path}{commit}")


@click.command("publish-tiles", short_help="Write the log as tiles, for standard monitors of transparency logs.")
@log_lines
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_signing
@_chosen
@log_option()
@as_json
def publish_tiles(folder: Path, key: Path | None, checkpoint: str | None, log: str, as_json: bool) -> None:
    """Write the log, up to a signed checkpoint, in the C2SP tlog-tiles layout: static files for any web server.

    What is there already is added to. Entries are the bytes that the tree commits to: times, orders, types and actors of all
    events, and of each payload its hash only. Whoever may not see those must not see the tiles.

    \b
    Example:
      orders-es publish-tiles /var/www/shop-log --key ~/shop.key --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    if key is not None and checkpoint is not None:
        raise click.UsageError(
            "--key signs the log as it is now, --checkpoint names one signed before; give one of them"
        )
    progress = somebody_watches(as_json)
    with existing_log(log, writes=key is not None) as opened:
        signed = None if key is None else audit.checkpoint(opened, key, progress=progress)
        done = audit.publish_tiles(opened, folder, checkpoint=signed or checkpoint, progress=progress)
    if as_json:
        print_json(
            {"log": log, "folder": str(done.folder), "size": done.size, "before": done.before, "files": done.files}
        )
    else:
        print_text(f"{done.folder}: {count(done.size, 'event')}, {count(done.files, 'file')} written")

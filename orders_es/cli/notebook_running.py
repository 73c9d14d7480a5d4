"""A notebook run from top to bottom in a kernel of its own; whatever ends it, what was run is written, and it is said why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["execute"]

_FAILED = 3
_PROGRAM = r"""
import json, re, sys
import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

path, out, cwd, values = json.load(sys.stdin)
book = load_notebook_node(path)
if values:
    book = parameterize_notebook(book, values)
client = NotebookClient(book, timeout=None, resources={"metadata": {"path": cwd}})


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def line_of(cell, count, trace):
    # The last line of this very cell that the traceback names; the first one where it names none.
    lines = cell.source.splitlines() or [""]
    found = re.findall(rf"Cell In\s?\[{count}\], line (\d+)", trace) or re.findall(r"^LINE (\d+):", trace, re.MULTILINE)
    sql = next((n for n, line in enumerate(lines, 1) if line.startswith("%%")), 0)
    number = int(found[-1]) if found else min(sql + 1, len(lines)) or 1
    if found and "Cell In" not in trace:
        number += sql
    number = min(max(number, 1), len(lines))
    return number, lines[number - 1].strip()


def told(cell, reason, trace=""):
    number, text = line_of(cell, cell.execution_count or count, trace)
    return f"in cell {cell.execution_count or count}: {reason} (line {number}: {text[:120]})"


count, failed = 0, None
try:
    with client.setup_kernel():
        for index, cell in enumerate(book.cells):
            if cell.cell_type == "code" and cell.source.strip():
                count += 1
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                shown = "\n".join(
                    "\n".join(output.traceback) if output.output_type == "error" else output.get("text", "")
                    for output in cell.outputs
                )
                reason = f"{error.ename}: {error.evalue}" if error.ename else shown or str(error)
                failed = told(cell, plain(reason), plain(f"{shown}\n{error.evalue}"))
                break
            except DeadKernelError:
                failed = told(
                    cell, "the kernel died: it was killed, perhaps for lack of memory, or a library that it loaded crashed"
                )
                cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text=f"{failed}\n"))
                break
except NoSuchKernel as error:
    sys.exit(f"there is no kernel {error.name!r} here; python -m ipykernel install --user --name {error.name} makes one")
except (DeadKernelError, RuntimeError) as error:  # to end a kernel that is dead already may fail as well
    if failed is None:
        raise
finally:
    nbformat.write(book, out)
if failed is not None:
    print(json.dumps(failed))
    sys.exit(3)
"""


def execute(path: Path, out: str, values: Mapping[str, Any]) -> str | None:
    """Run a notebook in its own folder, and say where and why it failed if it did.

    In a process of its own, so that what kernels write to the terminal stays out of the answer.

    Args:
        path: The notebook.
        out: Where it is written, with its outputs, whether it came to its end or not.
        values: Its parameters.
    """
    request = json.dumps([str(path), str(Path(out).resolve()), str(path.parent), dict(values)])
    done = subprocess.run(  # noqa: S603 - this Python, and a program that stands above
        [sys.executable, "-c", _PROGRAM], input=request, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return None
    told = done.stdout.strip().splitlines()
    if done.returncode == _FAILED and told:
        return " ".join(str(json.loads(told[-1])).split())
    last = done.stderr.strip().splitlines()[-1:] or [f"its process ended with {done.returncode}"]
    raise click.ClickException(f"{path.name} could not be run: {last[0]}")

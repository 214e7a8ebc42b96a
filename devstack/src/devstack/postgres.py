"""A PostgreSQL server of the stack's own: its port, its data, a user who may run it."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from devstack import paths, sql
from devstack.errors import StackError
from devstack.processes import Daemon

_KNOWN_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian
    "/usr/pgsql-*/bin",  # Fedora and relatives
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)
_OLDEST = 14


def find_binaries() -> Path | None:
    """The directory with `initdb` and `postgres`, the newest version first; None when absent."""
    found = []
    for pattern in _KNOWN_PLACES:
        found += [place for place in Path("/").glob(pattern[1:]) if (place / "initdb").exists()]
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    usable = [(major, place) for place in found if (major := _major(place)) >= _OLDEST]
    return max(usable)[1] if usable else None


def _major(binaries: Path) -> int:
    said = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    digits = said.stdout.rpartition(") ")[2].split(".")[0].split()
    return int(digits[0]) if digits and digits[0].isdigit() else 0


@dataclass(frozen=True)
class Runner:
    """Who runs the server, and where that user can keep data."""

    home: Path
    uid: int | None = None
    gid: int | None = None


def spare_home(run_dir: Path) -> Path:
    """Where data goes when the unprivileged user can't reach the run directory."""
    return Path("/var/tmp") / f"holdfast-{paths.stack_id(run_dir)}"  # noqa: S108 - survives reboots


def choose_runner(run_dir: Path) -> Runner:
    """Ourselves; under root, which PostgreSQL refuses, the user `postgres` or `nobody`.

    Raises:
        StackError: we are root and neither user exists.
    """
    if os.geteuid() != 0:
        return Runner(run_dir / "postgres")
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        run_dir.mkdir(parents=True, exist_ok=True)
        gids = frozenset({user.pw_gid})
        within = paths.reachable_by(run_dir, user.pw_uid, gids)
        home = run_dir / "postgres" if within else spare_home(run_dir)
        return Runner(home, user.pw_uid, user.pw_gid)
    raise StackError("PostgreSQL does not run as root, and there is no user postgres or nobody")


@dataclass
class PrivatePostgres:
    """PostgreSQL on 127.0.0.1:`port`, superuser `postgres`, password required.

    `durable=False` turns fsync off: killed processes lose nothing, a power cut may. For tests.
    """

    run_dir: Path
    binaries: Path
    runner: Runner
    port: int
    password: str
    max_connections: int = 200
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.runner.home / "data"

    @property
    def url(self) -> str:
        """Address of the superuser."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    @cached_property
    def daemon(self) -> Daemon:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": self.max_connections,
            "shared_buffers": "128MB",
            "wal_level": "replica",
            "max_wal_size": "2GB",
            "jit": "off",  # short statements only; compiling them costs more than it gains
            "log_min_messages": "warning",
            "log_line_prefix": "%m [%p] %u@%d ",
        }
        if not self.durable:
            # synchronous_commit stays on: without it a killed server forgets what it had confirmed
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Daemon(
            name="postgres",
            run_dir=self.run_dir,
            argv=[str(self.binaries / "postgres"), "-D", str(self.data), *options],
            env=_environment(),
            user=self.runner.uid,
            group=self.runner.gid,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, then a checkpoint
        )

    def start(self, seconds: float = 120) -> None:
        """Start it and return when it answers; does nothing when it runs.

        Raises:
            StackError: the data directory can't be made.
            StartError: it ended, or does not answer after `seconds`.
        """
        if not (self.data / "PG_VERSION").exists():
            self._create()
        # After a crash the sessions of the old server live on until they notice, and while they do
        # PostgreSQL refuses to start on their data.
        crashed = self._crashed()
        self.daemon.start_until(lambda: sql.answers(self.url), seconds, crashed=crashed)

    def _crashed(self) -> bool:
        """Whether the last server left its lock behind, which one that is stopped takes away."""
        return self.daemon.identity is None and (self.data / "postmaster.pid").exists()

    def stop(self) -> None:
        self.daemon.stop()

    def kill9(self) -> None:
        """End it as a crash would; its children follow by themselves."""
        self.daemon.kill9()

    def remove(self) -> None:
        """Delete the data. The server must be stopped."""
        for home in (self.runner.home, spare_home(self.run_dir)):
            shutil.rmtree(home, ignore_errors=True)

    def _create(self) -> None:
        home = self.runner.home
        self._refuse_foreign(home)
        shutil.rmtree(self.data, ignore_errors=True)  # left half made by an interrupted start
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        secret = home / "superuser-password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if self.runner.uid is not None and self.runner.gid is not None:
            os.chown(home, self.runner.uid, self.runner.gid)
            os.chown(secret, self.runner.uid, self.runner.gid)
        try:
            said = self._initdb(secret, "C.UTF-8")
            if said.returncode:  # macOS and musl know no C.UTF-8
                shutil.rmtree(self.data, ignore_errors=True)
                said = self._initdb(secret, "C")
        finally:
            secret.unlink()
        if said.returncode:
            raise StackError(f"initdb failed in {home}:\n{said.stdout}{said.stderr}")

    def _refuse_foreign(self, home: Path) -> None:
        """In /var/tmp anyone could have made it first, as a link to what root would hand over."""
        if not home.is_symlink() and not home.exists():
            return
        facts = home.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in (os.geteuid(), self.runner.uid):
            raise StackError(f"{home} is not ours; remove it")

    def _initdb(self, secret: Path, locale: str) -> subprocess.CompletedProcess[str]:
        command = [
            str(self.binaries / "initdb"),
            *("-D", str(self.data), "-U", "postgres", "-E", "UTF8", "--locale", locale),
            *("--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--no-instructions"),
        ]
        return subprocess.run(
            command,
            env=_environment(),
            cwd="/",
            user=self.runner.uid,
            group=self.runner.gid,
            extra_groups=None if self.runner.uid is None else [],
            capture_output=True,
            text=True,
            check=False,
        )


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

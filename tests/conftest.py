"""What every test may ask for, and what the run says about tests it left out or that wait for a feature."""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.databases import BACKENDS, fresh_database, start_server, why_not
from tests.notyet import PREFIX

pytest_plugins = ("tests.worlds",)
COMPLETE = "REFERRALS_TEST_COMPLETE"
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB", "redis": "Redis"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_BROWSER = "LEFT OUT: Chromium (install the package chromium)"
# Stories run once on each backend and are listed once.
ANY = "|".join(BACKENDS)
BACKEND_IN_ID = re.compile(rf"\[(?:{ANY})\]|(?<=\[)(?:{ANY})-|-(?:{ANY})(?=[-\]])")


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Name of the database backend; a test that asks for it runs once on each."""
    name: str = request.param
    _skip_unless_available(name)
    return name


@pytest.fixture
def database_url(backend: str) -> Iterator[str]:
    """URL of an empty database for this test alone."""
    with fresh_database(backend) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> str:
    """URL of the Redis server."""
    _skip_unless_available("redis")
    return os.environ["REFERRALS_TEST_REDIS"]


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Path of Chromium."""
    path = _browser()
    if path is None:
        pytest.skip(NO_BROWSER)
    return path


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an incomplete run where a complete one is asked for; start what the parallel workers share."""
    if hasattr(config, "workerinput"):
        return
    missing = _left_out()
    if missing and os.environ.get(COMPLETE) == "1":
        raise pytest.UsageError(f"{COMPLETE}=1, but tests would be left out:", *missing)
    if getattr(config.option, "numprocesses", None):
        start_server("postgresql")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is the same on every database runs on SQLite, where its module says so (`mostly_sqlite`)."""
    elsewhere = [item for item in items if _once_is_enough(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


def _once_is_enough(item: pytest.Item) -> bool:
    if item.get_closest_marker("mostly_sqlite") is None or item.get_closest_marker("everywhere") is not None:
        return False
    parameters = getattr(item, "callspec", None)
    return parameters is not None and parameters.params.get("backend", "sqlite") != "sqlite"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what tests wait for, why others were skipped, and what no test of this run could use."""
    skipped = defaultdict(set)
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            skipped[report.longrepr[2].removeprefix("Skipped: ")].add(report.nodeid)
    waiting = {
        reason.removeprefix(PREFIX): {BACKEND_IN_ID.sub("", name) for name in skipped.pop(reason)}
        for reason in sorted(skipped)
        if reason.startswith(PREFIX)
    }
    if waiting:
        terminalreporter.section(f"NOT YET: {len(set().union(*waiting.values()))} tests", yellow=True)
    for reason, names in waiting.items():
        terminalreporter.line(f"{reason}: {', '.join(sorted(names))}")

    missing = _left_out()
    if missing:
        terminalreporter.section("LEFT OUT", red=True, bold=True)
    for reason in missing:
        count = len(skipped.pop(reason, ()))
        terminalreporter.line(f"{reason}: {count} tests" if count else reason, red=True, bold=True)
    if skipped:
        terminalreporter.section("skipped")
    for reason, names in sorted(skipped.items()):
        terminalreporter.line(f"{reason}: {len(names)} tests")


def _browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _left_out() -> list[str]:
    """Describe each database, server or program that tests cannot use here."""
    missing = [_description(name, reason) for name in TITLES if (reason := why_not(name))]
    return missing if _browser() else [*missing, NO_BROWSER]


def _skip_unless_available(name: str) -> None:
    reason = why_not(name)
    if reason:
        pytest.skip(_description(name, reason))


def _description(name: str, reason: str) -> str:
    return f"LEFT OUT: {TITLES[name]} ({reason})"

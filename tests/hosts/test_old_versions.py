"""In an environment with the old versions that each app is pinned to: we change none of them, and the loop runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .drivers import DRIVERS
from .plugging import HERE, own_tests, read_plug

ROOT = HERE.parents[1]
UV = str(Path(sys.executable).with_name("uv"))
NO_INDEX = ("error sending request", "dns error", "Could not connect", "Connection refused")

pytestmark = [pytest.mark.hosts, pytest.mark.slow]


def uv(*arguments: str) -> str:
    """What uv says; skipped where no package index answers."""
    done = subprocess.run([UV, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and any(text in done.stderr for text in NO_INDEX):
        pytest.skip("no package index answers")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", DRIVERS)
def test_we_change_no_version_of_the_apps(name: str, tmp_path: Path) -> None:
    """Installed beside its pins, we add packages and touch none; its tests and our loop in it pass there."""
    python = str(tmp_path / "venv" / "bin" / "python")
    uv("venv", "-q", "--python", sys.executable, str(tmp_path / "venv"))
    uv("pip", "install", "-q", "--python", python, "-r", str(HERE / name / "requirements.txt"), "pytest")
    before = set(uv("pip", "freeze", "--python", python).splitlines())
    assert len(before) > 8

    uv("pip", "install", "-q", "--python", python, "-e", str(ROOT))
    after = set(uv("pip", "freeze", "--python", python).splitlines())
    assert before <= after, sorted(before - after)
    own_tests(read_plug(name).put_into(tmp_path), python)

    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "tests/hosts/test_hosts.py"]
    command += ["-k", f"{name} and (loop or credit or failure or reconcile or pages)"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV", "REFERRALS_TEST"))}
    environment["REFERRALS_TEST_POSTGRESQL"] = "none"
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

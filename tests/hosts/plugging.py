"""Plugs flask_referrals into a copy of a stranger's app: one module, and at most three one-line edits.

The apps in this folder were written by people who had never seen us, and stay as they are. A copy of one gets the
module and the edits that its owner would make (plugs/NAME.py and .toml); its own tests, unchanged, run in the copy.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
#: Lines that an owner writes: one module, and edits elsewhere.
MOST_LINES, MOST_EDITS = 25, 3


@dataclass(frozen=True, slots=True)
class Plug:
    """How one of the apps is plugged in: its package, the module that is added, the lines that are put elsewhere."""

    name: str
    module: str
    source: str
    edits: tuple[dict[str, str], ...]

    @property
    def lines(self) -> int:
        """Lines of the module that are neither blank nor a comment."""
        return sum(bool(line.strip()) and not line.strip().startswith("#") for line in self.source.splitlines())

    def put_into(self, folder: Path) -> Path:
        """Copy the app into the folder and plug us in; the copy."""
        copy = bare_copy(self.name, folder)
        (copy / self.module).write_text(self.source)
        for edit in self.edits:
            _edit(copy / edit["file"], edit["after"], edit["line"], edit.get("indent"))
        return copy


def bare_copy(name: str, folder: Path) -> Path:
    """The app as its author left it, in a folder of its own."""
    return Path(shutil.copytree(HERE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")))


def read_plug(name: str) -> Plug:
    """The plug of an app."""
    told = tomllib.loads((HERE / "plugs" / f"{name}.toml").read_text())
    source = (HERE / "plugs" / f"{name}.py").read_text()
    return Plug(name, told["module"], source, tuple(told.get("edit", ())))


def _edit(path: Path, after: str, line: str, indent: str | None) -> None:
    """Put one line behind the only one that holds `after`, as far indented as that one or as `indent` says."""
    lines = path.read_text().splitlines(keepends=True)
    found = [number for number, text in enumerate(lines) if after in text]
    if len(found) != 1 or "\n" in line:
        raise ValueError(f"{path.name} has {len(found)} lines with {after!r}, or the edit is no line")
    indent = lines[found[0]][: -len(lines[found[0]].lstrip())] if indent is None else indent
    lines.insert(found[0] + 1, f"{indent}{line}\n")
    path.write_text("".join(lines))


@contextmanager
def imported(copy: Path, *modules: str, **environment: str) -> Iterator[list[ModuleType]]:
    """Import modules of the copy, anew, with these environment variables; forgotten afterwards."""
    roots = {path.stem for path in copy.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    sys.path.insert(0, str(copy))
    try:
        _forget(roots)
        yield [importlib.import_module(name) for name in modules]
    finally:
        _forget(roots)
        sys.path.remove(str(copy))
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _forget(roots: set[str]) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in roots]:
        del sys.modules[name]


def own_tests(copy: Path, python: str = sys.executable) -> None:
    """Run the app's own tests in the copy, as its author does: all that are there without us pass with us."""
    here = _pytest(bare_copy(copy.name, copy.parent / "bare"), python, "--collect-only")
    found = [line for line in here.splitlines() if "::" in line]
    assert len(found) > 10
    assert f"{len(found)} passed" in _pytest(copy, python)


def _pytest(folder: Path, python: str, *options: str) -> str:
    command = [python, "-m", "pytest", "-q", "tests", "-p", "no:cacheprovider", "-p", "no:xdist", *options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COVERAGE", "COV_"))}
    environment["PYTHONPATH"] = str(HERE.parents[1])
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

"""Imports point one way, the cheap packages stay cheap, and no package escapes the contracts."""

from __future__ import annotations

import ast
import configparser
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import pytest

from tests.house.repository import PACKAGE, ROOT

# What each package may stand on, directly or through others. The contracts in .importlinter forbid the rest.
MAY_REACH: dict[str, frozenset[str]] = {}


def _may(package: str, *direct: str) -> None:
    MAY_REACH[package] = frozenset(direct).union(*(MAY_REACH[name] for name in direct))


_may("measures")
_may("catalogue", "measures")
_may("regimen", "measures", "catalogue")
_may("evidence", "regimen")
_may("safety", "regimen")
_may("model", "measures", "catalogue")
_may("population", "measures", "model")
_may("outcomes", "measures")
_may("simulate", "regimen", "model", "population", "outcomes")
_may("report", "measures", "regimen", "outcomes")
_may("studies", "evidence", "simulate", "outcomes")
_may("calibrate", "studies", "report")
_may("trial", "studies", "safety", "report")
_may("optimise", "trial")
_may("plan", "optimise")
_may("monitor", "plan")

TOP = {"cli", "commands"}  # may reach everything; nothing below may reach them
DOORS = {"__init__", "__main__"}  # the package's own front door, under no contract
WITHOUT_JAX = {"measures", "catalogue", "regimen", "evidence", "safety", "outcomes", "report"}
CHEAP = ["measures", "catalogue", "regimen", "evidence", "safety"]
SECONDS = 0.2

# Modules that cost more than their package may, with the reason; nothing imports them before they are needed.
ON_DEMAND = {"cotreat.evidence.schema": "pydantic builds its models when the first study is read"}


def parts_of_cotreat() -> set[str]:
    """Packages and modules that lie directly under src/cotreat."""
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    return (packages | modules) - DOORS


def read_contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def contracts() -> dict[str, tuple[set[str], set[str]]]:
    """Source and forbidden modules of each such contract in .importlinter, by the contract's id."""
    parser = read_contracts()
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): (
            set(parser[section]["source_modules"].split()),
            set(parser[section]["forbidden_modules"].split()),
        )
        for section in parser.sections()
        if section.startswith(prefix) and parser[section]["type"] == "forbidden"
    }


def forbidden_to(package: str) -> set[str]:
    """Everything that the contracts keep a package from importing."""
    mine = [forbidden for sources, forbidden in contracts().values() if f"cotreat.{package}" in sources]
    return set().union(*mine)


def test_unit_every_part_of_cotreat_has_its_place_in_the_table() -> None:
    assert parts_of_cotreat() <= MAY_REACH.keys() | TOP


@pytest.mark.parametrize("package", sorted(parts_of_cotreat() - TOP))
def test_unit_contracts_forbid_what_the_table_does_not_allow(package: str) -> None:
    ours = {name for name in forbidden_to(package) if name.startswith("cotreat.")}
    assert ours == {f"cotreat.{other}" for other in parts_of_cotreat() - TOP - MAY_REACH[package] - {package}}


def test_unit_nothing_stands_on_the_command_line() -> None:
    top, commands, below = read_contracts()["importlinter:contract:cli"]["layers"].strip().splitlines()
    assert (top, commands) == ("(cli)", "(commands)")
    assert set(below.split(" : ")) == parts_of_cotreat() - TOP


def test_unit_contracts_keep_jax_out_of_what_needs_no_simulation() -> None:
    assert all({"jax", "jaxlib"} <= forbidden_to(package) for package in WITHOUT_JAX & parts_of_cotreat())


def test_unit_contracts_keep_every_part_off_the_network() -> None:
    sources, forbidden = contracts()["no-network"]
    assert sources == {"cotreat"}
    assert {"socket", "ssl", "http", "urllib"} <= forbidden


VERSION = {"__version__"}


def imports_of_the_hub(path: Path) -> list[int]:
    """Lines that import the top package itself for more than its version, which is the one name it defines."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import) and any(alias.name == "cotreat" for alias in node.names):
            lines.append(node.lineno)
        if isinstance(node, ast.ImportFrom) and node.module == "cotreat" and {a.name for a in node.names} != VERSION:
            lines.append(node.lineno)
    return lines


def test_unit_no_module_imports_the_hub() -> None:
    found = {str(path.relative_to(ROOT)): imports_of_the_hub(path) for path in PACKAGE.rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines} == {}


def cpu_seconds(code: str) -> float:
    """Processor time of a fresh interpreter that runs the code; other processes do not add to it, as to the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # One thread: a maths library that starts a pool would otherwise be charged for every core.
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def modules_of(package: str) -> list[str]:
    """Dotted names of a package and of every module in it."""
    paths = sorted((PACKAGE / package).rglob("*.py"))
    return [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for path in paths
    ]


def importing(modules: Iterable[str]) -> str:
    """Code that imports the modules and fails when JAX came along."""
    return "".join(f"import {module}\n" for module in modules) + "import sys\nassert 'jax' not in sys.modules\n"


@pytest.mark.parametrize("package", CHEAP)
def test_unit_import_is_cheap(package: str) -> None:
    code = importing(name for name in modules_of(package) if name not in ON_DEMAND)
    cpu_seconds(code)  # writes the bytecode
    assert median(cpu_seconds(code) - cpu_seconds("pass") for _ in range(5)) < SECONDS


@pytest.mark.parametrize("package", CHEAP)
def test_unit_no_module_of_a_cheap_package_brings_jax(package: str) -> None:
    assert subprocess.run([sys.executable, "-c", importing(modules_of(package))], check=False).returncode == 0


def test_unit_modules_loaded_on_demand_stay_out_of_the_rest() -> None:
    cheap = [name for package in CHEAP for name in modules_of(package)]
    code = importing(name for name in cheap if name not in ON_DEMAND)
    code += f"assert not sys.modules.keys() & {set(ON_DEMAND)!r}\n"
    assert set(ON_DEMAND) <= set(cheap)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""What a reader should never find in the project, and what each file owes the others."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

import cotreat
from tests.house.repository import PACKAGE, ROOT, project_files, text_of

# Written in pieces, so that this file does not find itself.
HOSTS = ["pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.org", "deb\\." + "debian", "/sim" + "ple/?[\"' ]"]
FLAGS = ["index" + "-url", "find" + "-links", "trusted" + "-host"]
ASSISTANTS = ["cla" + "ude", "co" + "pilot", "chat" + "gpt", "anth" + "ropic", "open" + "ai", "coding " + "assistant"]
FORBIDDEN = {
    "package index address": "|".join(HOSTS + FLAGS),
    "path of one machine": r"(?<![\w.])/(?:"
    + "|".join(["wo" + "rk", "ro" + "ot", "ho" + r"me/\w+", "Us" + r"ers/\w+"])
    + ")/",
    "assistant": "|".join(rf"\b{name}" for name in ASSISTANTS),
}

MAX_LINES = 600
AUTHORITIES = ("unit", "property", "published", "parity", "double")


@cache
def texts() -> dict[str, str]:
    """Text of every text file of the project by its name; drawings and third-party scripts are left out."""
    found = ((name, text_of(name)) for name in project_files() if not name.name.endswith((".svg", ".min.js")))
    return {str(name): text for name, text in found if text is not None}


def places(pattern: str) -> Iterator[str]:
    """Name and line of every match in the project."""
    search = re.compile(pattern, re.IGNORECASE).search
    for name, text in texts().items():
        for number, line in enumerate(text.splitlines(), 1):
            if search(line):
                yield f"{name}:{number}: {line.strip()[:100]}"


def python_files(folder: str) -> list[Path]:
    return [ROOT / name for name in project_files() if name.suffix == ".py" and name.parts[0] == folder]


def test_unit_the_project_is_seen() -> None:
    assert {"Makefile", "pyproject.toml", "requirements.lock", "tests/house/test_cleanliness.py"} <= texts().keys()


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_unit_no_trace_of_where_it_was_made(kind: str) -> None:
    assert list(places(FORBIDDEN[kind])) == []


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("package index address", "--extra-" + "index" + "-url https://example.net"),
        ("package index address", "https://pypi" + ".org/project/lark"),
        ("path of one machine", "open('/ho" + "me/ada/data.csv')"),
        ("path of one machine", "see /wo" + "rk/notes.md"),
        ("assistant", "written with Co" + "pilot"),
    ],
)
def test_unit_traces_would_be_noticed(kind: str, line: str) -> None:
    assert re.search(FORBIDDEN[kind], line, re.IGNORECASE)


def test_unit_no_module_is_named_utils() -> None:
    assert [
        path for path in python_files("src") + python_files("tests") if path.stem.rstrip("s") in {"util", "helper"}
    ] == []


@pytest.mark.parametrize("path", python_files("src"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_unit_source_files_stay_readable(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= MAX_LINES


def test_unit_git_ignores_no_source_file() -> None:
    made = {".pyc", ".nbi", ".nbc"}  # what Python and Numba leave in __pycache__
    sources = [str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in made]
    assert sources
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=ROOT,
        input="\n".join(sources),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout.split() == []


def test_unit_tests_carry_their_authority_in_their_name() -> None:
    names = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in python_files("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and re.match(rf"test_(?!({'|'.join(AUTHORITIES)})_)", node.name)
    ]
    assert names == []


def locked() -> dict[str, int]:
    """Requirement lines of the lock with the number of their hashes."""
    counts: dict[str, int] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        text = line.strip().removesuffix("\\").strip()
        if text.startswith("--hash=sha256:"):
            counts[list(counts)[-1]] += 1
        elif text and not text.startswith("#"):
            counts[text] = 0
    return counts


def test_unit_lock_holds_only_pinned_and_hashed_packages() -> None:
    pinned = re.compile(r"[a-z0-9][a-z0-9.-]*==[\w.!+]+( ; .+)?")
    assert [line for line, hashes in locked().items() if not pinned.fullmatch(line) or hashes == 0] == []


def _plain(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def test_unit_lock_covers_every_dependency_and_the_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["build-system"]["requires"]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    assert {_plain(line) for line in wanted} <= {_plain(line) for line in locked()}


def test_unit_one_version_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == version == cotreat.__version__
    assert re.search(rf"^## \[?{re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_unit_citation_has_what_the_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert all(author.keys() & {"name", "family-names"} for author in citation["authors"])


def test_unit_changelog_says_which_numbers_changed() -> None:
    releases = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1:]
    assert releases
    assert [text.splitlines()[0] for text in releases if "### Numbers that changed" not in text] == []


def test_unit_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    assert [
        path.name for path in sorted(folder.glob("*.md")) if path.name != "README.md" and f"({path.name})" not in index
    ] == []


MARKDOWN = [name for name in project_files() if name.suffix == ".md"]


@pytest.mark.parametrize("name", MARKDOWN, ids=str)
def test_unit_links_lead_somewhere(name: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", (ROOT / name).read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (ROOT / name).parent.joinpath(target).exists()] == []


@pytest.mark.parametrize("name", MARKDOWN, ids=str)
def test_unit_make_targets_in_the_documents_exist(name: Path) -> None:
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / name).read_text(), re.MULTILINE)) <= rules

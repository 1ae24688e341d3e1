"""The repository as files: its root, what belongs to it, and which of them are text."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "cotreat"


@cache
def project_files() -> tuple[Path, ...]:
    """Files that git tracks or would add, relative to the root; without git, all files in no hidden or built folder."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        names = [Path(name) for name in listing.stdout.decode().split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*") if not _is_built(path.relative_to(ROOT))]
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def _is_built(name: Path) -> bool:
    built = {"__pycache__", "build", "dist", "node_modules"}
    return name.parts[0] == "report" or any(part in built or part in {".venv", ".git"} for part in name.parts)


def text_of(name: Path) -> str | None:
    """The text of a project file, or None when it is not UTF-8 text."""
    content = (ROOT / name).read_bytes()
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None

"""Runs the study and writes the document.

    python -m validation.monitor --cache FOLDER            the whole study, about an hour on two free cores
    python -m validation.monitor --cache FOLDER --only-write
    python -m validation.monitor --seed 2 --patients 100 --whole 10 --wrong 5 --published 4 --out trial.md

With --cache what was measured is kept patient by patient, and a run that was cut off goes on where it stopped; rows of
other settings, code or parameters are never mixed in. The seeds that were used while the filter was made cannot be
written into the documentation.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cotreat.model.parameters import DEFAULT
from validation.monitor.study import REPORTED_SEED, TUNING_SEEDS, Sizes, Study, Task, run_one, tasks
from validation.monitor.write import write

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "validation-monitoring.md"
_PROGRESS_SECONDS = 30.0
Rows = dict[Task, dict[str, Any] | None]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m validation.monitor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=REPORTED_SEED, help="seed of the patients (default: %(default)s)")
    for name, value in vars(Sizes()).items():
        parser.add_argument(f"--{name}", type=int, default=value, help="default: %(default)s")
    parser.add_argument("--particles", type=int, default=Study().particles, help="default: %(default)s")
    parser.add_argument("--params", default=DEFAULT, help="parameter set: a name or a file (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps what was measured")
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="the document (default: the one in docs)")
    parser.add_argument("--only-write", action="store_true", help="write from what the cache holds, measure nothing")
    options = parser.parse_args(arguments)
    if options.seed in TUNING_SEEDS and options.out.resolve() == DOCUMENT:
        parser.error(f"seed {options.seed} was used while the filter was made: give --out, or another seed")
    if options.only_write and options.cache is None:
        parser.error("--only-write needs --cache")
    study = Study(options.seed, options.particles, options.params)
    wanted = tasks(Sizes(*(getattr(options, name) for name in vars(Sizes()))))
    keep = None
    if options.cache is not None:
        options.cache.mkdir(parents=True, exist_ok=True)
        keep = options.cache / f"seed-{study.seed}-{study.fingerprint()}.jsonl"
    done = read_rows(keep)
    if not options.only_write:
        measure([t for t in wanted if t not in done], study, options.jobs, (keep, done))
    found = [t for t in wanted if t in done]
    write([row for t in found if (row := done[t]) is not None], options.out, (study, len(found), len(wanted)))
    print(options.out)


def read_rows(path: Path | None) -> Rows:
    """Rows kept in a file; a last line that was cut off is left out."""
    done: Rows = {}
    if path is None or not path.exists():
        return done
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            key, row = json.loads(line)
        except ValueError:
            continue
        done[(key[0], key[1], key[2])] = row
    return done


def measure(left: list[Task], study: Study, jobs: int, kept: tuple[Path | None, Rows]) -> None:
    """Measure what is left, each row kept as soon as it is there, with progress."""
    path, done = kept
    begin = shown = time.monotonic()
    print(f"{len(done)} kept, {len(left)} to do", flush=True)
    for count, (task, row) in enumerate(_results(left, study, jobs), 1):
        done[task] = row
        if path is not None:
            # a line of its own even where the last one was cut off
            begins = "" if _ends_a_line(path) else "\n"
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{begins}{json.dumps([task, row])}\n")
        if time.monotonic() - shown > _PROGRESS_SECONDS:
            shown = time.monotonic()
            minutes = (shown - begin) / count * (len(left) - count) / 60.0
            print(f"{count} of {len(left)}, about {minutes:.0f} minutes left", flush=True)


def _results(left: list[Task], study: Study, jobs: int) -> Iterator[tuple[Task, dict[str, Any] | None]]:
    asked = [(t, study) for t in left]
    if jobs == 1:
        yield from map(run_one, asked)
        return
    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(run_one, asked)


def _ends_a_line(path: Path) -> bool:
    if not path.exists() or not path.stat().st_size:
        return True
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


if __name__ == "__main__":
    main()

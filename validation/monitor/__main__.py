"""Runs the study and writes the document: ``python -m validation.monitor`` (about 20 minutes on two cores).

--rows FILE keeps what was measured on each patient and goes on where it was cut off; --only-write makes the document
from such a file alone.
"""

from __future__ import annotations

import argparse
import json
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from validation.monitor.study import run_one, tasks
from validation.monitor.write import write

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--whole", type=int, default=60)
    parser.add_argument("--stressed", type=int, default=40)
    parser.add_argument("--published", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", type=Path, default=None)
    parser.add_argument("--only-write", action="store_true")
    options = parser.parse_args()
    done: dict[tuple[str, int, str], dict[str, Any] | None] = {}
    if options.rows is not None and options.rows.exists():
        for line in options.rows.read_text().splitlines():
            key, row = json.loads(line)
            done[tuple(key)] = row
    wanted = tasks(options.patients, options.whole, options.stressed, options.published)
    if not options.only_write:
        left = [t for t in wanted if t not in done]
        keep = options.rows.open("a") if options.rows is not None else None
        with get_context("spawn").Pool(options.jobs) as pool:
            for count, (task, row) in enumerate(pool.imap_unordered(run_one, left, chunksize=4), 1):
                done[task] = row
                if keep is not None:
                    keep.write(json.dumps([task, row]) + "\n")
                    keep.flush()
                if count % 100 == 0:
                    print(f"{count} of {len(left)}", flush=True)
    rows = [done[t] for t in wanted if done.get(t) is not None]
    path = ROOT / "docs" / "validation-monitoring.md"
    write([r for r in rows if r is not None], path, sum(1 for t in wanted if t in done))
    print(path)


if __name__ == "__main__":
    main()

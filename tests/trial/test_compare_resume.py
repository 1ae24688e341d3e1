"""A comparison that is killed midway and resumed prints the same document, byte for byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from cotreat.cli import main; main()", "compare"]
SIZE = ["--patients", "24000", "--draws", "24", "--weeks", "26", "--json", "--threads", "1"]
FILE = """
arms:
  nothing: ECT bitemporal 3 times a week until remission, at most 12 sessions
  weekly: |
    ECT bitemporal 3 times a week until remission, at most 12 sessions
    then ECT bitemporal weekly for 20 weeks
"""


def parts(cache: Path) -> list[Path]:
    return [p for p in cache.glob("runs/*/draws-*") if not p.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_unit_killed_and_resumed_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    environment = os.environ | {"COTREAT_CACHE": str(tmp_path)}
    (tmp_path / "arms.yaml").write_text(FILE)
    command = [*COMMAND, str(tmp_path / "arms.yaml"), *SIZE]
    run = subprocess.Popen([*command, "--resume"], env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while len(parts(tmp_path)) < 2 and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    kept = parts(tmp_path)
    assert 2 <= len(kept) < 8
    # one part is damaged as well: it is noticed, and made again
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    resumed = subprocess.run([*command, "--resume"], env=environment, capture_output=True, check=True)
    assert resumed.stderr.decode().count("damaged") == 1
    assert not list(tmp_path.glob("runs/*"))
    plain = subprocess.run([*command[:-1], "2"], env=environment, capture_output=True, check=True)
    assert resumed.stdout == plain.stdout
    assert json.loads(plain.stdout)["provenance"]["patients"] == 24000

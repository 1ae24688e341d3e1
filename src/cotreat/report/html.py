"""One self-contained page: no request leaves it, styles and script are allowed by their hash and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from cotreat.measures.errors import InputError
from cotreat.report.comparison_page import comparison_page
from cotreat.report.parts import Page
from cotreat.report.prediction_page import prediction_page
from cotreat.report.reading import is_prediction, read_comparison, read_prediction
from cotreat.report.svg import escape

FILE_NAME = "report.html"


def render(doc: Mapping[str, Any]) -> str:
    """The page of a comparison or prediction document as text; raises ``InputError`` for a malformed document."""
    if is_prediction(doc):
        prediction = read_prediction(doc)
        head, page = prediction_page(prediction)
        return render_page(prediction.study.title or prediction.study.id, head, page, prediction.disclaimer)
    comparison = read_comparison(doc)
    head, page = comparison_page(comparison)
    return render_page(comparison.title, head, page, comparison.disclaimer)


def write_report(doc: Mapping[str, Any], directory: str | Path) -> Path:
    """Write ``report.html`` into ``directory`` and return its path.

    The page is complete before the directory is made, and the file appears in one step: a failure leaves nothing
    half-written. Raises ``InputError`` for a malformed document or a directory that cannot be written.
    """
    return write_text(render(doc), directory)


def write_text(text: str, directory: str | Path) -> Path:
    """Write a finished page as ``report.html`` into ``directory``, in one step; raises ``InputError`` if it cannot."""
    target = Path(directory) / FILE_NAME
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".report-", suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise InputError(f"report: cannot write to {directory}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"report: cannot write {target}: {error.strerror}") from error
    return target


def render_page(title: str, head: str, page: Page, disclaimer: str) -> str:
    """A whole page as text: its head, its sections, the disclaimer and the stamp on every page."""
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    body = (
        f'<header class="top">{head}</header><main id="main" tabindex="-1">{"".join(page.sections)}</main>'
        f"<footer><p>{escape(disclaimer)}</p><p>{escape(page.stamp)}</p></footer>"
    )
    # A number and its per cent sign stay on one line.
    body = re.sub(r"(\d) %", "\\1\N{NO-BREAK SPACE}%", body)
    return Template(_asset("page.html")).substitute(
        policy=escape(policy),
        title=escape(title),
        style=style,
        script=script,
        body=body,
        data=_data({"curves": page.curves}),
    )


def _asset(name: str) -> str:
    return files("cotreat.report").joinpath("static", name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _data(value: object) -> str:
    # A closing tag inside a string must not end the script element.
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

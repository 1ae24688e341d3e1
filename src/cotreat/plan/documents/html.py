"""A sheet as an HTML page: no script, nothing from outside but the font beside it, readable on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from cotreat.plan.documents import fonts
from cotreat.plan.documents.sheet import Block, Fill, Heading, Listed, Sheet, Table, Text

_STYLE = """
@font-face { font-family: "Cotreat Sheet"; src: url("%(font)s") format("opentype"); }
* { box-sizing: border-box; }
body { margin: 0; background: #eef1f4; color: #1b2430; line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; font-size: %(size)s; }
body.cjk { font-family: "Cotreat Sheet", "Noto Sans CJK JP", "Noto Sans CJK KR", sans-serif; }
main { max-width: 60rem; margin: 1rem auto; padding: 1.5rem 2rem; background: #fff; border: 1px solid #d5dae1; }
h1 { font-size: 1.7em; line-height: 1.2; margin: 0 0 .2em; font-weight: 600; }
h2 { font-size: 1.15em; color: #0b4a6f; margin: 1.4em 0 .4em; font-weight: 600; }
.under, .small, footer { color: #475366; }
.small, footer { font-size: max(.8em, .75rem); overflow-wrap: anywhere; }
.must { border-left: .3em solid #b4530a; background: #fdf3e7; padding: .6em .8em; margin: .6em 0; }
.fill { display: flex; flex-wrap: wrap; gap: .2em .6em; align-items: baseline; margin: 1em 0; }
.fill .line { flex: 1 1 10em; border-bottom: 1px solid #1b2430; min-height: 1.4em; }
.fill .value { font-size: 1.2em; font-weight: 600; }
ul { margin: .4em 0; padding-left: 1.3em; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%%; }
th, td { text-align: left; vertical-align: top; padding: .35em .5em; border-bottom: 1px solid #b9c1cc; }
th { color: #0b4a6f; font-weight: 600; }
footer { border-top: 1px solid #b9c1cc; margin-top: 1.6em; padding-top: .6em; }
@media (min-width: 601px) { th:first-child, td:first-child { white-space: nowrap; } }
@media (max-width: 600px) {
  main { margin: 0; padding: 1rem; border: 0; }
  thead { position: absolute; clip-path: inset(50%%); height: 1px; width: 1px; overflow: hidden; }
  tr { display: block; border-bottom: 2px solid #b9c1cc; padding: .4em 0; }
  td { display: grid; grid-template-columns: 8.5em 1fr; gap: .5em; border: 0; padding: .1em 0; }
  td:empty { display: none; }
  td::before { content: attr(data-head); color: #475366; font-size: .85em; }
}
@media print { body { background: #fff; } main { border: 0; margin: 0; max-width: none; padding: 0; }
  tr, .must, .fill { break-inside: avoid; } }
"""
_LARGE = 14.0


def html(sheet: Sheet) -> str:
    """The sheet as a whole page; in Korean and Japanese it wants the font file beside it."""
    size = "1.35rem" if sheet.sizes[0] >= _LARGE else "1rem"
    css = _STYLE % {"font": fonts.FILE, "size": size}
    kind = "" if sheet.language == "en" else ' class="cjk"'
    body = "\n".join(_blocks(sheet))
    return (
        f'<!DOCTYPE html>\n<html lang="{sheet.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(sheet.title)}</title>\n<style>{css}</style>\n</head>\n<body{kind}>\n<main>\n"
        f'<h1>{escape(sheet.title)}</h1>\n<p class="under">{escape(sheet.under)}</p>\n{body}\n'
        f"<footer>{escape(sheet.footer)}</footer>\n</main>\n</body>\n</html>\n"
    )


def _blocks(sheet: Sheet) -> Iterator[str]:
    for block in sheet.blocks:
        yield _block(block)


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Text(text, style):
            return f'<p class="{style}">{escape(text)}</p>'
        case Listed(lines):
            return "<ul>" + "".join(f"<li>{escape(x)}</li>" for x in lines) + "</ul>"
        case Fill(label, value):
            said = f'<span class="value">{escape(value)}</span>' if value else '<span class="line"></span>'
            return f'<div class="fill"><span>{escape(label)}</span>{said}</div>'
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in table.head)
    rows = []
    for row in table.rows:
        cells = zip(table.head, row, strict=True)
        rows.append("<tr>" + "".join(f'<td data-head="{escape(h)}">{escape(c)}</td>' for h, c in cells) + "</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"

"""The TeX macros of the book, from the one file ``book/macros.json``."""

import json
import re
from pathlib import Path

MACROS = json.loads((Path(__file__).parents[1] / "macros.json").read_text(encoding="utf-8"))

INSIDE = r"(?:\\.|[^{}\\])*"
for _ in range(5):  # braces in braces
    INSIDE = rf"(?:\\.|[^{{}}\\]|\{{{INSIDE}\}})*"
ARGUMENT = rf"\s*(\{{{INSIDE}\}}|\\[A-Za-z]+|\S)"


def expand(tex):
    """TeX without the macros of the book. A symbol gets braces, so that it can be an index."""
    for name, body in MACROS.items():
        arity = body.count("#")
        body = body if arity or "operatorname" in body else f"{{{body}}}"
        template = re.sub(r"#(\d)", r"\\g<\1>", body.replace("\\", r"\\"))
        pattern = re.compile(re.escape(name) + "(?![A-Za-z])" + ARGUMENT * arity)
        while pattern.search(tex):  # an argument may hold the macro again
            tex = pattern.sub(template, tex)
    return tex

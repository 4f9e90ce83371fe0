"""What a page of the book says about results: its records, read from the executed document."""

import ast
import re
from collections import namedtuple
from pathlib import Path

from docutils import nodes
from docutils.utils import get_source_line
from ledger_graph import LABEL, PREFIXES, Check, Result, Use
from sphinx.addnodes import pending_xref
from sphinx_proof.nodes import proof_node

Page = namedtuple("Page", "results checks uses mentions views")
COUNT = re.compile(r"holds in all ([1-9]\d* \w+(?: \w+)*)")


class ledger_view(nodes.General, nodes.Element):
    """Where the table or the graph will stand."""


def is_result(node):
    return node.get("realtype") in PREFIXES


def is_check(node):
    return node.get("nb_element") == "cell_code" and "tag_check" in node["classes"]


def labels_of(cell):
    return [tag for tag in cell["cell_metadata"]["tags"] if LABEL.match(tag)]


def references(node):
    return [ref for ref in node.findall(pending_xref) if ref.get("refdomain") == "prf"]


def text_of(cell, kind):
    """The source or the output of a cell, without the traceback of an error."""
    return "\n".join(block.astext() for part in cell if part.get("nb_element") == kind
                     for block in part.findall(nodes.literal_block)
                     if "traceback" not in block["classes"])


def can_fail(source):
    """Whether there is an assertion about something named, or a call of ``holds``."""
    try:
        parts = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return False
    tests = [part.test for part in parts if isinstance(part, ast.Assert)]
    calls = [ast.unparse(part.func) for part in parts if isinstance(part, ast.Call)]
    return (any(isinstance(part, ast.Name) for test in tests for part in ast.walk(test))
            or any(call.split(".")[-1] == "holds" for call in calls))


class Reader:
    """Makes the records of one page; its checks get their anchors on the way."""

    def __init__(self, document, docname):
        self.document, self.docname = document, docname
        self.page = Page([], [], [], {ref["reftarget"] for ref in references(document)}, [])
        self.lines = Path(document["source"]).read_text(encoding="utf-8").splitlines()

    def read(self):
        for node in self.document.findall(nodes.Element):
            if is_result(node):
                self.page.results.append(self.result(node))
            elif is_check(node):
                self.page.checks.append(self.check(node))
            elif isinstance(node, proof_node):
                self.page.uses.extend(self.uses(node))
            elif isinstance(node, ledger_view):
                self.page.views.append(node["view"])
        return self.page

    def place(self, node, pattern, offset=0):
        """The page, and the line with ``pattern`` nearest to where the parser saw the node."""
        line = (get_source_line(node)[1] or 1) + offset
        found = [n for n, text in enumerate(self.lines, 1) if re.search(pattern, text)]
        return self.docname, min(found, key=lambda n: abs(n - line), default=line)

    def result(self, node):
        kind = node["realtype"]
        name = re.sub(r"^\((.*)\)$", r"\1", node[0].astext().strip())
        return Result(*self.place(node, rf"\{{prf:{kind}\}}"), kind, node["label"], name)

    def check(self, cell):
        labels, tags = labels_of(cell), cell["cell_metadata"]["tags"]
        kinds = [kind for kind in ("symbolic", "numeric") if kind in tags]
        counts = COUNT.findall(text_of(cell, "cell_code_output")) if "numeric" in kinds else []
        order = 1 + sum(check.labels[:1] == labels[:1] for check in self.page.checks)
        anchor = "-".join(["check", *labels[:1], str(order)])
        cell["ids"].append(anchor)
        where = self.place(cell, r"\{code-cell\}", offset=-2)  # myst-nb is two lines late
        return Check(*where, labels, kinds, ", ".join(dict.fromkeys(counts)),
                     can_fail(text_of(cell, "cell_code_source")), anchor)

    def uses(self, proof):
        user = self.page.results[-1].label if self.page.results else None
        for target, ref in {ref["reftarget"]: ref for ref in references(proof)}.items():
            role = rf"\{{prf:ref\}}`([^`]*<)?{re.escape(target)}[`>]"
            yield Use(*self.place(ref, role), user, target)

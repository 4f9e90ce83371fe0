"""The ledger of results: each is checked by code that can fail, and each use of it is listed.

A *result* is a theorem, lemma, proposition or corollary. A *check* is a code cell tagged ``check``,
the labels of the results it checks, and ``symbolic`` or ``numeric``. A result *uses* those that
its proof refers to. Whatever breaks these rules is a warning with file and line.
"""

import ast
import re
from collections import namedtuple
from pathlib import Path

from docutils import nodes
from docutils.utils import get_source_line
from ledger_graph import LABEL, PREFIXES, Box, Check, Result, Use, draw, edges, faults
from sphinx.addnodes import pending_xref
from sphinx.domains import Domain
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx_proof.nodes import proof_node

logger = logging.getLogger(__name__)
Page = namedtuple("Page", "results checks uses mentions views")
COUNT = re.compile(r"holds in all ([1-9]\d* \w+(?: \w+)*)")


class ledger_view(nodes.General, nodes.Element):
    """Where the table or the graph will stand."""


class View(SphinxDirective):
    def run(self):
        return [ledger_view(view=self.name)]


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


class LedgerDomain(Domain):
    """Keeps the records of every page, and checks them together."""

    name, label, data_version = "ledger", "Ledger of results", 1
    initial_data = {"pages": {}, "changed": False}

    def clear_doc(self, docname):
        self.data["changed"] = True
        self.data["pages"].pop(docname, None)

    def process_doc(self, env, docname, document):
        self.data["pages"][docname] = Reader(document, docname).read()

    def merge_domaindata(self, docnames, otherdata):
        self.data["pages"].update({name: otherdata["pages"][name] for name in docnames})

    def resolve_any_xref(self, *args):
        return []

    def pages(self):
        """Pairs of page name and page, in the order of the book."""
        pages = self.data["pages"]
        known = [name for name in self.env.collect_relations() if name in pages]
        return [(name, pages[name]) for name in [*known, *sorted(pages.keys() - set(known))]]

    def records(self):
        """All results, checks and uses."""
        return [[record for _, page in self.pages() for record in page[k]] for k in range(3)]

    def check_consistency(self):
        for record, subtype, message in faults(*self.records()):
            place = (record.docname, record.line)
            logger.warning(message, location=place, type="ledger", subtype=subtype)

    def outdated(self):
        """Pages at fault, so that they stay so until mended, and all that may look different."""
        pages = {record.docname for record, *_ in faults(*self.records())}
        if self.data.pop("changed", False):
            pages |= {name for name, page in self.data["pages"].items()
                      if page.results or page.checks or page.views}
        return pages


def copies(originals, docname):
    """Copies for another page: anchors and equation numbers stay with the originals."""
    for twin in [node.deepcopy() for node in originals]:
        for part in twin.findall(nodes.Element):
            mine = {"ids": [], "number": None, "label": None, "refdoc": docname}
            part.attributes |= {key: mine[key] for key in mine.keys() & part.attributes.keys()}
        yield twin


def line(parts, between=", ", lead="", **attributes):
    """A paragraph of nodes with a separator."""
    pieces = [piece for part in parts for piece in (nodes.Text(between), part)][1:]
    return nodes.paragraph("", lead, *(pieces or [nodes.Text("—")]), **attributes)


def grid(head, rows):
    def row(cells):
        return nodes.row("", *(nodes.entry("", cell) for cell in cells))

    columns = [nodes.colspec(colwidth=1, stub=int(title == head[0])) for title in head]
    top = nodes.thead("", row(nodes.paragraph("", title) for title in head))
    group = nodes.tgroup("", *columns, top, nodes.tbody("", *map(row, rows)), cols=len(head))
    return nodes.table("", group, classes=["ledger-table", "colwidths-auto"])


class Show(SphinxPostTransform):
    """Badges below results, notes below checks, and the views of the whole ledger."""

    default_priority = 3  # references are resolved later, and so are those in copies

    def run(self):
        results, self.checks, self.uses = self.env.get_domain("ledger").records()
        self.results = {result.label: result for result in results}
        views = {"ledger": self.table, "ledger-graph": self.graph}
        for node in list(self.document.findall(nodes.Element)):
            if is_result(node):
                node += self.checks_of(node["label"], "Checked: ", classes=["ledger-badge"])
            elif is_check(node):
                note = line(self.links(labels_of(node)), lead="Checks ", classes=["ledger-note"])
                node.parent.insert(node.parent.index(node) + 1, note)
            elif isinstance(node, ledger_view):
                node.replace_self(views[node["view"]]())

    def link(self, docname, anchor, *content, hint=None):
        here = self.env.docname
        return make_refnode(self.app.builder, here, docname, anchor, list(content), hint)

    def number(self, result):
        """The number that sphinx-proof prints, after the kind."""
        counter = self.env.proof_list[result.label]["countertype"]
        numbers = self.env.toc_fignumbers.get(result.docname, {}).get(counter, {})
        return ".".join(map(str, numbers.get(result.label, ())))

    def title(self, result):
        return f"{result.kind.title()} {self.number(result)}".strip()

    def links(self, labels):
        """Links to those of the labels that are results."""
        found = [self.results[label] for label in labels if label in self.results]
        return [self.link(result.docname, result.label, nodes.Text(self.title(result)),
                          hint=result.name or None) for result in found]

    def checks_of(self, label, lead="", **attributes):
        """A line of links to the checks of a result."""
        found = [check for check in self.checks if label in check.labels]
        return line(map(self.check_link, found), " · ", lead, **attributes)

    def check_link(self, check):
        text = nodes.Text(", ".join(filter(None, [*check.kinds, check.count])))
        link = self.link(check.docname, check.anchor, text, hint="The code of this check")
        return nodes.inline("", "", link, classes=[f"ledger-badge__{kind}" for kind in check.kinds])

    def statement(self, result):
        page = self.env.get_doctree(result.docname)
        return next(node for node in page.findall(nodes.Element)
                    if is_result(node) and node["label"] == result.label)

    def row(self, result):
        here, statement = self.env.docname, self.statement(result)
        title = [nodes.Text(self.title(result)), *copies(statement[0], here)]
        given = [*statement.findall(nodes.Sequential)][:1]
        pages = [self.link(name, "", *copies(self.env.titles[name], here))
                   for name, page in self.env.get_domain("ledger").pages()
                   if result.label in page.mentions]
        users = self.links(use.user for use in self.uses if use.used == result.label)
        return (line([self.link(result.docname, result.label, *title)]),
                next(copies(given, here), nodes.paragraph("", "— (in the statement)")),
                self.checks_of(result.label),
                line(self.links(use.used for use in self.uses if use.user == result.label)),
                line([*users, *pages]))

    def table(self):
        head = ("Result", "Hypotheses", "Check", "Uses", "Used in")
        return grid(head, map(self.row, self.results.values()))

    def box(self, result):
        page = self.app.builder.get_relative_uri(self.env.docname, result.docname)
        return Box(kind=result.kind, href=f"{page}#{result.label}",
                   title=f"{self.title(result)} {result.name}".strip(),
                   text=f"{self.number(result)} {result.name or result.kind}".strip())

    def graph(self):
        boxes = {label: self.box(result) for label, result in self.results.items()}
        arrows = edges(self.results.values(), self.uses)
        return nodes.raw("", draw(boxes, arrows) if boxes else "", format="html")


def setup(app):
    app.add_domain(LedgerDomain)
    app.add_node(ledger_view)
    app.add_directive("ledger", View)
    app.add_directive("ledger-graph", View)
    app.add_post_transform(Show)
    app.add_css_file("ledger.css")
    app.connect("env-updated", lambda app, env: env.get_domain("ledger").outdated())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

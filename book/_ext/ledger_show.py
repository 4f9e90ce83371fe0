"""What the ledger shows: badges below results, notes below checks, the table and the graph."""

from docutils import nodes
from ledger_graph import Box, draw, edges
from ledger_records import is_check, is_result, labels_of, ledger_view
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode


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

"""The ledger of results: each is checked by code that can fail, and each use of it is listed.

A *result* is a theorem, lemma, proposition or corollary. A *check* is a code cell tagged ``check``,
the labels of the results it checks, and ``symbolic`` or ``numeric``. A result *uses* those that
its proof refers to. Whatever breaks these rules is a warning with file and line.
"""

from ledger_graph import faults
from ledger_records import Reader, ledger_view
from ledger_show import Show
from sphinx.domains import Domain
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class View(SphinxDirective):
    def run(self):
        return [ledger_view(view=self.name)]


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


def setup(app):
    app.add_domain(LedgerDomain)
    app.add_node(ledger_view)
    app.add_directive("ledger", View)
    app.add_directive("ledger-graph", View)
    app.add_post_transform(Show)
    app.add_css_file("ledger.css")
    app.connect("env-updated", lambda app, env: env.get_domain("ledger").outdated())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

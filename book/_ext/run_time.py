"""Prints under the title of a chapter how long its code took, as measured when it was executed."""

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector


def stamp(app, doctree, docname):
    executed = NbMetadataCollector.get_exec_data(app.env, docname)
    title = next(iter(doctree.findall(nodes.title)), None)
    if executed is None or title is None or not executed.get("runtime"):
        return
    # nodes marked "meta" are about the page and not part of its text
    text = f"Runs in {executed['runtime']:.0f} seconds on one core"
    title.parent.insert(title.parent.index(title) + 1, nodes.paragraph("", text, classes=["meta"]))


def setup(app):
    app.connect("doctree-resolved", stamp)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

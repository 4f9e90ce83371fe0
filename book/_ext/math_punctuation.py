"""Keeps the comma after a formula on the formula's line.

A browser may break a line after any box, and an inline formula ends in one. So a mark that follows
a formula is moved into the formula's last box, when the page is written.
"""

import re

import sphinxcontrib.katex as katex
from docutils import nodes

MARK = re.compile(r"[.,;:!?)\]’”]+")
CLOSING = "</span>" * 3  # of KaTeX's last box, of its boxes, and of the formula


def detach(app, doctree, docname):
    """Take the mark from the text after each formula, and note it at the formula."""
    if app.builder.format != "html":
        return
    for formula in list(doctree.findall(nodes.math)):
        text = formula.next_node(siblings=True, descend=False)
        mark = isinstance(text, nodes.Text) and MARK.match(text.astext())
        if mark:
            formula["mark"] = mark[0]
            # not `replace`, which looks for the first equal text of the paragraph
            place = next(i for i, child in enumerate(text.parent) if child is text)
            text.parent[place] = nodes.Text(text.astext()[mark.end() :])


def attach(html, mark):
    if mark and html.endswith(CLOSING):
        return html.removesuffix(CLOSING) + f'<span class="mark">{mark}</span>{CLOSING}'
    return html + mark


def visit_math(self, node):
    formula = attach(katex.render_latex(node.astext()), node.get("mark", ""))
    self.body.append(f'{self.starttag(node, "span", "", CLASS="math")}{formula}</span>')
    raise nodes.SkipNode


def setup(app):
    katex.html_visit_math = visit_math  # before its setup, which registers it
    app.setup_extension("strict_katex")
    app.connect("doctree-resolved", detach)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}

"""Place an explorable, an interactive figure drawn by ``_static/explorables/NAME.js``.

:::{explorable} pole_memory
:caption: Where should a state keep its eigenvalue?
:alt: What the figure shows, in one or two sentences (required).
:options: r=0.97 theta=0.571
:::
"""

from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)
EXPLORABLES = Path(__file__).parents[1] / "_static" / "explorables"


class explorable(nodes.General, nodes.Element): ...  # its only child, if any, is the caption


class ExplorableDirective(SphinxDirective):
    required_arguments = 1
    option_spec = dict.fromkeys(("caption", "alt", "options", "name"), directives.unchanged)

    def run(self):
        name, alt = self.arguments[0], self.options.get("alt", "").strip()
        if not EXPLORABLES.joinpath(f"{name}.js").is_file():
            logger.warning("unknown explorable %r", name, location=self.get_location())
        if not alt:
            logger.warning("explorable %r needs an :alt:", name, location=self.get_location())
        data = [pair.partition("=")[::2] for pair in self.options.get("options", "").split()]
        data = {f"data-{key}": value for key, value in [("explorable", name), *data]}
        node = explorable(alt=alt, data=data)
        if caption := self.options.get("caption"):
            node += nodes.caption(caption, "", *self.state.inline_text(caption, self.lineno)[0])
        self.set_source_info(node)
        self.add_name(node)
        return [node]


class StaticExplorable(SphinxPostTransform):
    default_priority = 200

    def run(self):  # where nothing can run, keep the caption and point to the online book
        if self.app.builder.format == "html" and self.app.builder.name != "epub":
            return
        for node in list(self.document.findall(explorable)):
            text = [nodes.paragraph("", "", *caption.children) for caption in node.children]
            text.append(nodes.paragraph("", "(interactive figure: see the online book)"))
            node.replace_self(nodes.container("", *text, ids=node["ids"]))


def visit_html(self, node):
    alt = escape(node["alt"])
    no_script = f"<noscript>This figure needs JavaScript; it shows: {alt}</noscript>"
    self.body.append(self.starttag(node, "figure", CLASS="explorable", **node["data"]))
    self.body.append(f'<p class="explorable-alt">{alt}</p>\n')
    self.body.append(f'<div class="explorable-stage">{no_script}</div>\n<figcaption>')


def add_loader(app, pagename, templatename, context, doctree):
    if doctree is not None and doctree.next_node(explorable):
        app.add_css_file("explorables/explorables.css")
        app.add_js_file("explorables/loader.js", type="module")


def setup(app):
    def leave(translator, node):
        translator.body.append("</figcaption>\n</figure>\n")

    app.add_directive("explorable", ExplorableDirective)
    app.add_enumerable_node(explorable, "figure", html=(visit_html, leave))
    app.add_post_transform(StaticExplorable)
    app.connect("html-page-context", add_loader)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

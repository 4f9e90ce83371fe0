"""The text of a page in plain Markdown, as JupyterLab and Colab read it.

The macros of the book are expanded: Colab typesets each cell by itself, and definitions at the top
would not reach it. A formula stays on one line: JupyterLab takes it out before it looks for quotes.
"""

import re
from itertools import count, repeat
from textwrap import indent
from urllib.parse import urljoin

from docutils import nodes
from macros import expand
from sphinx.errors import ExtensionError

ENTITIES = {"&": "&amp;", "<": "&lt;", "[": "&#91;", "]": "&#93;"}


def formula(node):
    """One line of TeX that can stand between dollars."""
    tex = " ".join(re.sub(r"(?<!\\)%.*", "", node.astext()).split())
    tex = re.sub(r"\\(begin|end)\{equation\*?\}", "", tex)
    tex = re.sub(r"\\(begin|end)\{(align|gather|alignat)\*?\}", r"\\\1{\2ed}", tex)
    return expand(tex).replace("<", r"\lt ").strip()  # never the beginning of a tag


def without_bars(found):
    """A formula or a bar from a table, where a bar would end the cell."""
    tex = found[0].replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    return r"\|" if found[0] == "|" else tex


def marked(form):
    return lambda self, node: form.format(self.inline(node))


class Writer:
    """Writes the page that is online at ``url``; a node without a method is an error, not a gap."""

    def __init__(self, app, docname):
        self.config, self.env, self.docname, self.depth = app.config, app.env, docname, 0
        self.url = urljoin(app.config.html_baseurl, app.builder.get_target_uri(docname))

    def visit(self, node):
        method = getattr(self, f"visit_{type(node).__name__}", None)
        if method is None:
            raise ExtensionError(f"{self.docname}: no Markdown for the node {str(node)[:200]}")
        return method(node)

    def inline(self, node):
        return "".join(map(self.visit, node))

    def blocks(self, parts):
        """Strings of Markdown, and between them the numbers of code cells."""
        found = [block if isinstance(block, list) else [block] for block in map(self.visit, parts)]
        return [block for some in found for block in some if block != ""]

    def text(self, parts):
        return "\n\n".join(self.blocks(parts))

    def number(self, node, form=None):
        """Such as 'Fig. 1.2'; empty for a node without a number."""
        numbers = self.env.toc_fignumbers.get(node.get("docname", self.docname), {})
        for kind, known in numbers.items():
            for name in known.keys() & node["ids"]:
                return (form or self.config.numfig_format[kind]) % ".".join(map(str, known[name]))
        return ""

    def visit_Text(self, node):
        text = re.sub(r"[&<\[\]]", lambda sign: ENTITIES[sign[0]], node.astext())
        return re.sub(r"([\\`*_$~])", r"\\\1", re.sub(r"[ \n]+", " ", text))

    def visit_literal(self, node):
        return f"`` {node.astext()} ``" if "`" in node.astext() else f"`{node.astext()}`"

    def visit_math(self, node):
        return f"${formula(node)}$" + node.get("mark", "")  # see math_punctuation

    def visit_reference(self, node):
        """A link, or mere words if it leads to the same page."""
        uri, text = node.get("refuri", "#"), self.inline(node)
        address = urljoin(self.url, uri).replace("(", "%28").replace(")", "%29")
        return text if uri.startswith("#") else f"[{text}]({address})"

    def visit_image(self, node):
        """An image of the site, shown from there."""
        return f"![{node['alt']}]({urljoin(self.url, node['uri'])})"

    def visit_raw(self, node):
        html = node["format"] == "html" and "<script" not in node.astext()
        return node.astext().strip() if html else ""

    def visit_target(self, node):
        return ""

    def visit_section(self, node):
        self.depth += 1
        blocks = self.blocks(node)
        self.depth -= 1
        return blocks

    def visit_title(self, node):
        anchor = f"#{node.parent['ids'][0]}" if self.depth > 1 else ""
        number = self.env.toc_secnumbers.get(self.docname, {}).get(anchor) or ()
        parts = ("#" * self.depth, ".".join(map(str, number)), self.inline(node))
        return " ".join(filter(None, parts))

    def visit_paragraph(self, node):
        return re.sub(r"^(\d*)([-+#>=.)])", r"\1\\\2", self.inline(node).strip())

    def visit_caption(self, node):
        label = self.number(node.parent)
        return f"*{label}.* {self.inline(node)}" if label else self.inline(node)

    def visit_math_block(self, node):
        return f"$$ {formula(node)}" + self.number(node, r" \tag{%s}") + " $$"

    def visit_literal_block(self, node):
        return f"```{node.get('language', '')}\n{node.astext()}\n```"

    def listed(self, node, marks):
        items = zip(marks, map(self.text, node), strict=False)  # marks without end
        return "\n".join(mark + indent(text, " " * len(mark)).lstrip() for mark, text in items)

    def visit_bullet_list(self, node):
        return self.listed(node, repeat("- "))

    def visit_enumerated_list(self, node):
        return self.listed(node, (f"{k}. " for k in count(node.get("start", 1))))

    def visit_table(self, node):
        rows = [list(map(self.visit, row)) for row in node.findall(nodes.row)]
        rows.insert(1, ["---"] * len(rows[0]))
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        return [*map(self.visit_caption, node.findall(nodes.title)), table]

    def visit_entry(self, node):
        return re.sub(r"\$[^$]*\$|\|", without_bars, "<br>".join(self.blocks(node)))

    visit_inline, visit_emphasis, visit_strong = map(marked, ("{}", "*{}*", "**{}**"))
    visit_term, visit_title_reference = visit_strong, visit_emphasis
    visit_number_reference, visit_definition_list = visit_reference, visit_bullet_list
    visit_compound = visit_figure = visit_legend = visit_definition = blocks
    visit_comment = visit_target

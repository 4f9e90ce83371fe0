"""The text of a chapter in plain Markdown: results, proofs, exercises, notes and code cells."""

from textwrap import indent

from docutils import nodes
from markdown_writer import Writer
from sphinx.locale import admonitionlabels
from sphinx_proof.nodes import NODE_TYPES, unenumerable_node


def is_cell(node):
    return node.get("nb_element") == "cell_code"


class Chapter(Writer):
    """Writes what is in no other document but this book."""

    def quoted(self, head, parts):
        """A quote whose first paragraph begins with ``head``."""
        gap = " " if isinstance(parts[0], nodes.paragraph) else "\n\n"
        return indent((head + gap + self.text(parts)).strip(), "> ", lambda line: True)

    def visit_paragraph(self, node):
        link_to_check = {"ledger-note", "ledger-badge"} & set(node["classes"])
        return "" if link_to_check else super().visit_paragraph(node)

    def visit_inline(self, node):
        """The same; but in a citation, as in Yule (1927), brackets are round."""
        text = self.inline(node)
        if "bibtex-citation" in node["classes"]:
            text = text.replace("&#91;", "(").replace("&#93;", ")")
        return text

    def visit_container(self, node):
        if not is_cell(node):
            return self.blocks(node)
        captions = node.findall(lambda part: isinstance(part, (nodes.caption, nodes.legend)))
        return [node["cell_index"], *self.blocks(captions)]

    def visit_statement(self, node):
        kind = node["realtype"].title()
        title = (self.number(node, f"{kind} %s") or kind) + self.inline(node[0]).rstrip()
        return self.quoted(f"**{title}.**", [*node[1], *node[2:]])

    def visit_proof_node(self, node):
        text = "*Proof.*" + self.text(node[0]).removeprefix("Proof.")
        return text + ("\n\n∎" if text.endswith(("$$", "```")) else " ∎")

    def visit_exercise_node(self, node):
        return [f"### {self.number(node)}{self.inline(node[0])}", *self.blocks(node[1])]

    def visit_solution_node(self, node):
        exercise = self.env.sphinx_exercise_registry[node["target_label"]]["node"]
        return [f"### Solution to {self.number(exercise) or 'the exercise'}", *self.blocks(node[1])]

    def visit_admonition(self, node):
        title, parts = admonitionlabels.get(node.tagname, ""), node.children
        if isinstance(node[0], nodes.title):
            title, *parts = self.inline(node[0]), *parts[1:]
        stop = "." * title[-1:].isalnum()
        return self.quoted(title and f"*{title}{stop}*", parts)

    def visit_explorable(self, node):
        url = f"{self.url}#{''.join(node['ids'][:1])}"
        return [*self.blocks(node), f"*(interactive figure: see it at <{url}>)*"]

    visit_exercise_enumerable_node, visit_sidebar = visit_exercise_node, visit_admonition


for name in [kind.__name__ for kind in (*NODE_TYPES.values(), unenumerable_node)]:
    setattr(Chapter, f"visit_{name}", Chapter.visit_statement)
for name in admonitionlabels:
    setattr(Chapter, f"visit_{name}", Chapter.visit_admonition)

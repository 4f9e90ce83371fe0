"""The graph of results: what is wrong with it, and how it is drawn.

An arrow leads from a result to each result whose proof uses it.
"""

import re
import textwrap
from collections import namedtuple
from html import escape
from itertools import pairwise
from statistics import mean

import networkx as nx

PREFIXES = {"theorem": "thm-", "lemma": "lem-", "proposition": "prop-", "corollary": "cor-"}
LABEL = re.compile(r"(thm|lem|prop|cor)-")
WRAP, LETTER, LINE, PAD, GAP = 20, 7.2, 18, 9, 56  # letters in a line; the rest in pixels

Result = namedtuple("Result", "docname line kind label name")
Check = namedtuple("Check", "docname line labels kinds count can_fail anchor")
Use = namedtuple("Use", "docname line user used")
Box = namedtuple("Box", "kind href title text")


def faults(results, checks, uses):
    """Triples: the record at fault, a name for the fault, and what to tell the author."""
    known = {result.label for result in results}
    checked = {label for check in checks for label in check.labels}
    for result in results:
        prefix = PREFIXES[result.kind]
        if not result.label.startswith(prefix):
            yield result, "label", f"this {result.kind} needs a label that starts with '{prefix}'"
        elif result.label not in checked:
            yield result, "unchecked", f"no check of '{result.label}'"
    for check in checks:
        yield from ((check, *flaw) for flaw in flaws(check, known))
    for use in uses:
        if LABEL.match(use.used) and use.used not in known:
            yield use, "unknown", f"the proof uses an unknown result, '{use.used}'"
    places = {(use.used, use.user): use for use in uses}
    for cycle in unwind(nx.DiGraph(edges(results, uses))):
        names = [user for _, user in reversed(cycle)]
        story = " uses ".join([*names, names[0]])
        yield places[cycle[-1]], "cycle", f"a proof that rests on itself: {story}"


def flaws(check, known):
    for label in check.labels:
        if label not in known:
            yield "unknown", f"check of an unknown result, '{label}'"
    if not check.labels:
        yield "target", "this check has no tag that names a result"
    if len(check.kinds) != 1:
        yield "kind", "this check needs one of the tags 'symbolic' and 'numeric'"
    if not check.can_fail:
        yield "vacuous", "nothing in this check can fail: it needs an assertion or 'holds'"
    if check.kinds == ["numeric"] and not check.count:
        yield "count", "this numeric check does not print 'holds in all ...' with a number"


def edges(results, uses):
    known = {result.label for result in results}
    return [(use.used, use.user) for use in uses if {use.used, use.user} <= known]


def unwind(graph):
    """Take one edge out of each cycle until none is left; return the cycles as lists of edges."""
    cycles = []
    while not nx.is_directed_acyclic_graph(graph):
        cycles.append(nx.find_cycle(graph))
        graph.remove_edge(*cycles[-1][-1])
    return cycles


def columns_of(graph):
    """Nodes by depth, left to right; a long edge gets a stop in each column that it crosses."""
    columns = enumerate(nx.topological_generations(graph))
    depth = {node: k for k, column in columns for node in column}
    for start, end in list(graph.edges):
        stops = [(start, end, k) for k in range(depth[start] + 1, depth[end])]
        graph.remove_edge(start, end)
        nx.add_path(graph, [start, *stops, end])
    return [list(column) for column in nx.topological_generations(graph)]


def settle(column, neighbours, y):
    """Move each node of a column to the mean height of its neighbours, without overlap."""
    wish = {node: mean([y[n] for n in neighbours[node]] or [y[node]]) for node in column}
    size = {node: 0.4 if isinstance(node, tuple) else 1 for node in column}
    column.sort(key=wish.get)
    y[column[0]] = wish[column[0]]
    for above, node in pairwise(column):
        y[node] = max(wish[node], y[above] + (size[above] + size[node]) / 2)
    shift = mean(y[node] - wish[node] for node in column)
    y.update({node: y[node] - shift for node in column})


def place(graph):
    """Column and height of each node, in units of a box; those without an arrow stand below."""
    alone = list(nx.isolates(graph))
    graph.remove_nodes_from(alone)
    columns = columns_of(graph)
    y = {node: k for column in columns for k, node in enumerate(column)}
    for order, neighbours in ((1, graph.pred), (-1, graph.succ), (1, graph.pred)):
        for column in columns[::order]:
            settle(column, neighbours, y)
    top, bottom = min(y.values(), default=0), max(y.values(), default=-1)
    spots = {node: (k, y[node] - top) for k, column in enumerate(columns) for node in column}
    across = max(3, len(columns))
    spots |= {node: (k % across, bottom - top + 1 + k // across) for k, node in enumerate(alone)}
    return spots


def arrow(x0, y0, x1, y1, end):
    middle = (x0 + x1) / 2
    return f'<path d="M{x0:g},{y0:g}C{middle:g},{y0:g} {middle:g},{y1:g} {x1:g},{y1:g}{end}"/>'


def linked_box(box, lines, x, y, width):
    height = LINE * len(lines) + 2 * PAD
    text = "".join(f'<tspan x="{x + width / 2:g}" dy="{LINE}">{escape(line)}</tspan>'
                   for line in lines)
    return (f'<a class="ledger-graph__{box.kind}" href="{escape(box.href)}"'
            f' aria-label="{escape(box.title)}">'
            f'<rect x="{x:g}" y="{y - height / 2:g}" width="{width:g}" height="{height}" rx="4"/>'
            f'<text y="{y - LINE * (len(lines) + 0.5) / 2:g}">{text}</text></a>')


def draw(boxes, arrows):
    """HTML of the graph: ``boxes`` by label, ``arrows`` as pairs of labels."""
    graph = nx.DiGraph(arrows)
    graph.add_nodes_from(boxes)
    unwind(graph)
    lines = {label: textwrap.wrap(box.text, WRAP) for label, box in boxes.items()}
    width = 2 * PAD + LETTER * max(len(line) for text in lines.values() for line in text)
    height = 4 * PAD + LINE * max(map(len, lines.values()))
    spots = {node: (1 + x * (width + GAP), (y + 0.5) * height)
             for node, (x, y) in place(graph).items()}
    paths = [arrow(spots[a][0] + width, spots[a][1], *spots[b],
                   "m-6,-4l6,4l-6,4" if b in boxes else f"h{width:g}") for a, b in graph.edges]
    links = [linked_box(box, lines[label], *spots[label], width) for label, box in boxes.items()]
    right, bottom = map(max, zip(*spots.values(), strict=True))
    words = f"{len(boxes)} results; an arrow leads from a result to one whose proof uses it"
    return (f'<div class="ledger-graph"><svg role="group" aria-label="{words}"'
            f' width="{right + width + 1:.0f}" height="{bottom + height / 2:.0f}">'
            f'<g>{"".join(paths)}</g>{"".join(links)}</svg></div>')

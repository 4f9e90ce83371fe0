"""Each chapter as a notebook with its text, code, outputs and tags, and the buttons that open it.

Colab and Binder read the branch ``notebooks``, as which a workflow publishes ``_build/notebooks``.
"""

from base64 import b64encode
from html import escape
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree
from urllib.parse import urlsplit

import nbformat
from chapter_writer import Chapter, is_cell
from docutils import nodes
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.util import logging

logger = logging.getLogger(__name__)
RECORD = "application/papermill.record/"  # what ``glue`` keeps for the prose
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"}}
REQUIREMENT = "ssm-companion[book] @ git+{}"
README = "Generated from the book, which is at <{}>, one notebook a chapter. Do not edit.\n"
INTRO = "This notebook is {what} of *{book}*; the text with figures and links is at <{url}>."
SETUP = '''\
# In Colab and Binder: install the companion. The torch that is there is kept.
try:
    import ssm_companion
except ImportError:
    %pip install -q "{}"'''


def executed(app, docname):
    """The code cells of a page with their outputs, by their place in the source."""
    settings, run = app.env.mystnb_config, app.env.nb_metadata[docname].get("exec_data", {})
    notebook = nbformat.read(Path(settings.output_folder, f"{docname}.ipynb"), as_version=4)
    if run.get("method") == "cache" and run["succeeded"]:  # then myst-nb saves it without outputs
        notebook = get_cache(settings.execution_cache_path).merge_match_into_notebook(notebook)[1]
    return {k: tidy(cell) for k, cell in enumerate(notebook.cells) if cell.cell_type == "code"}


def tidy(cell):
    tags = cell.metadata.get("tags", [])
    folded = {"jupyter": {"source_hidden": True}} if FOLDED & set(tags) else {}
    metadata = {"tags": tags, **folded} if tags else {}
    shown = [safe(output) for output in cell.outputs
             if not any(mime.startswith(RECORD) for mime in output.get("data", ()))]
    return new_code_cell(cell.source, metadata=metadata, outputs=shown,
                         execution_count=cell.execution_count)


def safe(output):
    """A drawing becomes an image: JupyterLab keeps no SVG of a notebook that it does not trust."""
    data = output.get("data", {})
    if (svg := data.get("text/html", "")).startswith("<svg"):
        image, alt = b64encode(svg.encode()).decode(), escape(data["text/plain"])
        source = f"data:image/svg+xml;base64,{image}"
        data["text/html"] = f'<img width="640" alt="{alt}" src="{source}">'
    return output


def weave(cells, blocks, code):
    """Add text and code in order, hidden code before the next that the page shows."""
    for block in blocks:
        if isinstance(block, int):
            cells += [code.pop(k) for k in sorted(code) if k < block] + [code.pop(block)]
        elif block.startswith("#") or cells[-1].cell_type == "code":
            cells.append(new_markdown_cell(block))
        else:
            cells[-1].source += f"\n\n{block}"
    cells += [code[k] for k in sorted(code)]


def notebook_of(app, docname, doctree):
    chapter, number = Chapter(app, docname), app.env.toc_secnumbers.get(docname, {}).get("")
    what = f"chapter {number[0]}" if number else "a page"
    intro = INTRO.format(what=what, book=app.config.html_title, url=chapter.url)
    install = new_code_cell(SETUP.format(REQUIREMENT.format(repository(app))))
    install.metadata.tags = ["setup-companion"]
    cells = [new_markdown_cell(intro), install]
    weave(cells, chapter.blocks(doctree), executed(app, docname))
    for k, cell in enumerate(cells):
        cell.id = f"cell-{k}"  # the ids of nbformat are random
    return new_notebook(cells=cells, metadata=METADATA)


def repository(app):
    return app.config.html_theme_options.get("repository_url", "").rstrip("/")


def link(text, icon, url, tooltip):
    return {"type": "link", "text": text, "icon": icon, "url": url, "tooltip": tooltip}


def group(tooltip, icon, label, buttons):
    return {"type": "group", "tooltip": tooltip, "icon": icon, "label": label, "buttons": buttons}


def buttons(app, context):
    file, pathto = f"{context['pagename']}.ipynb", context["pathto"]
    place = urlsplit(repository(app)).path
    colab = f"https://colab.research.google.com/github{place}/blob/notebooks/{file}"
    binder = f"https://mybinder.org/v2/gh{place}/notebooks?urlpath=lab/tree/{file}"
    source = f"{pathto('_sources', 1)}/{context['sourcename']}"
    run = [link("Colab", "_static/images/logo_colab.png", colab, "Run in Google Colab"),
           link("Binder", "_static/images/logo_binder.svg", binder, "Run on Binder")]
    save = [link(".ipynb", "fas fa-code", pathto(f"notebooks/{file}", 1), "Download the notebook"),
            link(".md", "fas fa-file", source, "Download the source"),
            {"type": "javascript", "javascript": "window.print()", "text": ".pdf",
             "icon": "fas fa-file-pdf", "tooltip": "Print to PDF"}]
    return [group("Run this chapter", "fas fa-rocket", "launch-buttons", run),
            group("Download", "fas fa-download", "download-buttons", save)]


def check_config(app):
    if not repository(app):
        logger.warning("no notebooks: repository_url is lost unless recursive_update is true")


def add_page(app, pagename, templatename, context, doctree):
    """Write the notebook of a page that has code, and point the page's buttons to it."""
    able = doctree and app.builder.name == "html" and repository(app)
    if able and any(map(is_cell, doctree.findall(nodes.container))):
        path = Path(app.outdir).parent / "notebooks" / f"{pagename}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook_of(app, pagename, doctree), path)
        context["header_buttons"][:0] = buttons(app, context)


def finish(app, exception):
    """Drop the notebooks of pages that are gone, copy the others, and complete the branch."""
    branch, site = (folder / "notebooks" for folder in (Path(app.outdir).parent, Path(app.outdir)))
    if exception is None and branch.is_dir():
        pages = {branch / f"{name}.ipynb" for name in app.env.found_docs}
        for path in set(branch.rglob("*.ipynb")) - pages:
            path.unlink()
        rmtree(site, ignore_errors=True)
        copytree(branch, site, ignore=ignore_patterns("requirements.txt", "README.md"))
        (branch / "requirements.txt").write_text(REQUIREMENT.format(repository(app)) + "\n")
        (branch / "README.md").write_text(README.format(app.config.html_baseurl))


def setup(app):
    app.connect("builder-inited", check_config)
    app.connect("html-page-context", add_page, priority=900)  # the theme adds its own at 501
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

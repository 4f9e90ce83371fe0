"""Mends what other extensions leave wrong on a page."""

BIBLIOGRAPHY = '<div role="list" class="citation-list">'


def mend(app, pagename, templatename, context, doctree):
    # Thebe, which Jupyter Book always loads, would be fetched from another host, twice.
    context["script_files"] = [
        script for script in context["script_files"]
        if "thebe" not in f"{script}{getattr(script, 'attributes', '')}".lower()
    ]  # fmt: skip
    # docutils calls the bibliography a list, but its entries are no list items.
    if "body" in context:
        context["body"] = context["body"].replace(BIBLIOGRAPHY, '<div class="citation-list">')


def setup(app):
    app.connect("html-page-context", mend, priority=900)  # after those that add scripts
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

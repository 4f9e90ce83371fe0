"""What a chapter needs from its notebook: numbers that the prose quotes."""

from IPython.display import display


def glue(name, value, spec=""):
    """Record ``format(value, spec)`` under ``name``, for ``{glue:text}`` in the prose.

    The value is stored in the cell's output, in the format of ``myst_nb.glue``, and not shown. A
    number in the text is thus always the one that the cell computed.

    Parameters
    ----------
    name : str
        What the prose quotes; one name once a chapter.
    value : object
        Anything that ``format`` accepts.
    spec : str
        A format specification, such as ``".2f"``.
    """
    text = format(value, spec)
    display(
        {"application/papermill.record/text/plain": text},
        raw=True,
        metadata={"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}},
    )

"""Executes the chapters that have changed, two at a time, before Sphinx reads one after the other.

What they show goes to the cache where myst-nb looks for it. Of a chapter that fails nothing is
kept: myst-nb executes it again when its turn comes, and reports the failure as always.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from jupyter_client import KernelManager
from myst_nb.core.read import create_nb_reader


def outdated(env, docnames, cache):
    """The pages among these that have code and are not in the cache: path and notebook."""
    for path in map(Path, map(env.doc2path, docnames)):
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
        if reader is not None:
            notebook = reader.read(text)
            try:
                cache.match_cache_notebook(notebook)
            except KeyError:
                yield path, notebook


def run(path, notebook, settings):
    """Execute a notebook; its time is that of the processor, whatever runs beside it."""
    kernel = KernelManager(kernel_name=notebook.metadata.kernelspec.name)
    try:
        done = single_nb_execution(notebook, str(path.parent), settings.execution_timeout,
                                   settings.execution_allow_errors, km=kernel)
        spent = psutil.Process(kernel.provisioner.pid).cpu_times()
        done.time = spent.user + spent.system
        return done
    finally:
        kernel.shutdown_kernel(now=True)


def execute(app, env, docnames):
    settings = env.mystnb_config
    if settings.execution_mode != "cache":
        return
    cache = get_cache(settings.execution_cache_path)
    chapters = list(outdated(env, docnames, cache))

    def attempt(chapter):
        with suppress(Exception):  # of a dead kernel, say
            return run(*chapter, settings)

    with ThreadPoolExecutor(max_workers=2) as pool:
        for (path, notebook), done in zip(chapters, pool.map(attempt, chapters), strict=True):
            if done and done.err is None:
                data = {"execution_seconds": done.time}
                bundle = CacheBundleIn(notebook, str(path), data=data)
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def setup(app):
    app.connect("env-before-read-docs", execute)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

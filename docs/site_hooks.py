"""Hooks of `make docs`: files outside docs/ that the pages show or link to.

The pages link to figures and scripts of the repository by relative paths, as
`../results/scale.png`, which work wherever the repository is browsed. The
site holds only what lies in docs/, so these hooks add each linked file to it
and shorten the links. README, CHANGELOG and the README of saved_models/
become pages.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
# Files of the repository that are pages of the site.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "saved_models/README.md": "saved_models.md",
}
LINK = re.compile(r"(\]\()([\w./-]+)((?:#[\w-]+)?\))")


def on_files(files, config):
    """Adds the pages of `PAGES` and the files that pages link to."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, page, content=text))
    for file in list(files.documentation_pages()):
        for _, link, _ in LINK.findall(file.content_string):
            target = _target(file.src_uri, link)
            if files.get_file_from_path(target) is None and (
                (ROOT / target).is_file()
            ):
                added = File.generated(
                    config, target, abs_src_path=str(ROOT / target)
                )
                files.append(added)
    return files


def on_page_markdown(markdown, page, config, files):
    """Makes links lead to where the files are in the site."""
    here = page.file.src_uri

    def moved(match):
        begin, link, end = match.groups()
        target = _target(here, link)
        if files.get_file_from_path(target) is None:
            return match[0]
        return begin + posixpath.relpath(target, posixpath.dirname(here)) + end

    return LINK.sub(moved, markdown)


def _target(page, link):
    """Returns the path in the site of what a page of the site links to."""
    sources = {site: source for source, site in PAGES.items()}
    source = sources.get(page, f"docs/{page}")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    return PAGES.get(path, path.removeprefix("docs/"))

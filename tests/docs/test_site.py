"""The site: every public name is in the API reference, every page in the nav.

`make docs` builds the site. These tests read the same files and need neither
mkdocs nor a network.
"""

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
# What the hooks of the site make pages of.
ADDED = {
    "index.md": ROOT / "README.md",
    "changelog.md": ROOT / "CHANGELOG.md",
    "saved_models.md": ROOT / "saved_models" / "README.md",
}
LINK = re.compile(r"\]\(([^)\s]+)\)")


def public_names():
    """Reads what `kd_keras/__init__.py` imports under a public name."""
    tree = ast.parse((ROOT / "kd_keras" / "__init__.py").read_text())
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module.startswith("kd_keras.")
        for alias in node.names
        if not (alias.asname or alias.name).startswith("_")
    }


def directives():
    return [
        name
        for page in PAGES
        for name in re.findall(r"^::: (\S+)$", page.read_text(), re.M)
    ]


def nav_pages(entry):
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in nav_pages(part)]


def text_of(page):
    """The text of a page without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)


def anchors_of(page):
    """The anchors of a page's headings, as mkdocs and GitHub make them."""
    titles = re.findall(r"^#+ (.*)$", text_of(page), re.M)
    words = [re.sub(r"[^\w\s-]", "", title).strip() for title in titles]
    return {re.sub(r"\s+", "-", title).lower() for title in words}


def test_every_public_name_is_documented_once():
    names = public_names()
    assert {"KDEmbedding", "learn_codes", "ParityError"} < names
    found = [name.removeprefix("kd_keras.") for name in directives()]
    public = [name for name in found if "." not in name]
    assert sorted(public) == sorted(names)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", directives())
def test_a_directive_names_an_object_with_a_docstring(name):
    module, attribute = name.rsplit(".", 1)
    assert getattr(importlib.import_module(module), attribute).__doc__


def test_the_index_of_the_reference_lists_all_names():
    rows = re.findall(
        r"^\| \[[^]]+\]\((\w+\.md)\) \| (.*) \|$",
        (DOCS / "api" / "index.md").read_text(),
        re.M,
    )
    listed = {page: re.findall(r"`(\w+)`", names) for page, names in rows}
    assert listed == {
        page.name: re.findall(r"^::: kd_keras\.(\w+)$", page.read_text(), re.M)
        for page in PAGES
        if page.parent.name == "api" and page.name != "index.md"
    }


def test_every_page_is_in_the_navigation_once():
    listed = nav_pages(SITE["nav"])
    assert len(listed) == len(set(listed))
    pages = {page.relative_to(DOCS).as_posix() for page in PAGES}
    assert set(listed) == pages | set(ADDED)


def test_the_hooks_and_extensions_of_the_site_exist():
    (plugin,) = (p for p in SITE["plugins"] if "mkdocstrings" in p)
    options = plugin["mkdocstrings"]["handlers"]["python"]["options"]
    for name in [*SITE["hooks"], *options["extensions"]]:
        assert (ROOT / name).is_file()
    hooks = (ROOT / SITE["hooks"][0]).read_text()
    for page, source in ADDED.items():
        assert f'"{source.relative_to(ROOT).as_posix()}": "{page}"' in hooks


@pytest.mark.parametrize(
    "page",
    [*PAGES, *ADDED.values()],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_the_links_of_a_page_lead_somewhere(page):
    for link in LINK.findall(text_of(page)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), link
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors_of(target), link


def test_the_site_loads_nothing_from_elsewhere():
    assert SITE["theme"]["font"] is False
    for name in ("extra_css", "extra_javascript", "repo_url"):
        assert name not in SITE

"""Tests of the HTML page of a report."""

import html.parser
import re

import numpy as np
import pytest

from kd_keras.codes.sizes import parameter_count
from kd_keras.codes.statistics import code_statistics
from kd_keras.codes.usage import usage_levels
from kd_keras.report.code_map import code_map
from kd_keras.report.page import report_page, use_in_keras
from kd_keras.report.symbol_examples import near_groups, shared_groups

NASTY = ["<script>alert(1)</script>", '"><img src=x>', "&amp;", "[/bold]", "ü"]
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(html.parser.HTMLParser):
    """Parses a page, checks that tags are closed, keeps tags and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.attributes = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] != "style":
            self.words.append(text)

    @property
    def text(self):
        return "".join(self.words)


def make_report(K=4, D=3, N=40, shared=False, words=None):
    """Makes a report of invented measurements, as `compress_folder` does."""
    codes = np.random.default_rng(0).integers(0, K, (N, D)).astype(np.uint8)
    words = words or [f"word{i}" for i in range(N)]
    words = (words * N)[:N]
    groups = shared_groups(words, codes) if shared else []
    report = {
        "N": N,
        "d": 8,
        "K": K,
        "D": D,
        "code_dim": 8,
        "composition": "linear",
        "has_words": True,
        "command": "kd-keras compress '<b>.txt'",
        "arguments": {"output": "some 'folder'", "effort": 0.25},
        "seed": 3,
        "versions": {"python": "3.11"},
        "input": {
            "path": "dir/<b>.txt",
            "sha256": "ab" * 32,
            "bytes": 1234,
            "found_to_be": "GloVe text",
            "rows": N,
            "dropped": 2,
            "notes": ["a note on <this>"],
        },
        "bytes": {
            "float32_table": N * 32,
            "codes": N,
            "code_embeddings": K * D * 32,
            "composition": 0,
            "total": N + K * D * 32,
            "ratio": N * 32 / (N + K * D * 32),
            "stored_as": "text",
        },
        "parameters": parameter_count(N, 8, K, D).to_dict(),
        "error": {
            "error": 0.5,
            "variance": 2.0,
            "error_share": 0.25,
            "mean_cosine": 0.9,
            "zero_vectors": 0,
        },
        "neighbours": {
            "count": 10,
            "symbols": N,
            "mean_kept": 6.14,
            "share_kept": 0.614,
        },
        "codes": code_statistics(codes, K).to_dict(),
        "shared_codes": groups,
        "near_codes": [] if groups else near_groups(words, codes),
        "examples": [
            {
                "id": i,
                "word": words[i],
                "code": "1-2-3",
                "before": words[1:11],
                "after": words[4:14],
            }
            for i in range(3)
        ],
        "seconds": {"read": 0.1},
        "files": {"codes.npz": 512},
    }
    return report, codes


def make_page(**arguments):
    report, codes = make_report(**arguments)
    return report_page(report, code_map(codes, report["K"]))


def test_says_what_was_measured():
    text = Page(make_page()).text
    for part in (
        "1.3 kB",
        "25.0 %",
        "6.1 of 10",
        "0.5 of 2",
        "word1",
        "codes.npz",
        "0.25",
    ):
        assert part in text


@pytest.mark.parametrize("shared", [True, False])
def test_words_are_escaped(shared):
    page = make_page(shared=shared, words=NASTY)
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert "img" not in parsed.tags
    for word in (*NASTY, "a note on <this>", "kd-keras compress '<b>.txt'"):
        assert word in parsed.text


def test_needs_nothing_from_elsewhere():
    page = make_page()
    assert "http" not in page
    assert "url(" not in page
    parsed = Page(page)
    assert not {"script", "link", "iframe", "img"} & set(parsed.tags)
    assert not {"src", "href", "srcset"} & dict(parsed.attributes).keys()


def test_no_field_of_the_template_is_left():
    assert not re.search(r"\$\w|\$\{", make_page())


def test_is_readable_in_the_dark_and_on_a_phone():
    page = make_page()
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page


def test_tells_shared_codes_from_similar_ones():
    assert "Symbols that share a code" in make_page(K=2, shared=True)
    assert "Symbols with similar codes" in make_page()


def test_code_lines_name_the_folder_and_compile():
    lines = use_in_keras("a/some 'folder'")
    compile(lines, "page", "exec")
    assert "\"some 'folder'\"" in lines


def test_levels_are_against_even_use():
    codes = np.array([[0]] * 12 + [[1]] * 3 + [[2]] * 1)
    # Even use of K = 4 values would be 4 symbols each.
    assert usage_levels(codes, K=4).tolist() == [[5, 3, 2, 0]]


@pytest.mark.parametrize("K, D", [(65_536, 2), (1_000, 3), (2, 500)])
def test_map_of_many_values_stays_small(K, D):
    codes = np.random.default_rng(0).integers(0, K, (300, D)).astype("u2")
    levels = usage_levels(codes, K)
    assert levels.shape[0] <= 64
    assert levels.shape[1] <= 128
    assert len(code_map(codes, K)) < 200_000

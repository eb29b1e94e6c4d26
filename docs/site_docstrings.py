"""How `make docs` reads the docstrings.

They follow Keras' habit: `Example:` and the lines that begin with `>>>` are
not indented. mkdocstrings needs Google's `Examples:` with indented lines.
"""

import re

import griffe

EXAMPLE = re.compile(r"^Example:\n\n((?:.+(?:\n|$))+)", re.M)


class KerasExamples(griffe.Extension):
    """Rewrites the examples of every docstring."""

    def on_object(self, *, obj, **kwargs):
        """Rewrites the docstring of an object, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(_indented, obj.docstring.value)


def _indented(match):
    lines = match[1].splitlines()
    return "Examples:\n" + "".join(f"    {line}\n" for line in lines)

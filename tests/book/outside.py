# SPDX-License-Identifier: Apache-2.0

"""A preprocessor of mdBook: links of the pages that do not work in the book.

- A link to a file outside of docs/ becomes a link into the repository at the address in CX_BOOK_REPOSITORY; without that, plain text
  with the file's path.
- A link to a README.md becomes one to index.md, the name that mdBook gives to it.
"""

import json
import os
import posixpath
import re
import sys

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
REPOSITORY = os.environ.get("CX_BOOK_REPOSITORY", "").rstrip("/")


def corrected(match, folder):
    """The text that replaces one link of a page in `folder`."""
    image, label, target = match.groups()
    path, hash_sign, anchor = target.partition("#")
    if image or not path or ":" in path:
        return match.group(0)
    # From the top of the repository.
    place = posixpath.normpath(posixpath.join("docs", folder, path))
    if place.startswith("docs/"):
        return f"[{label}]({re.sub('README[.]md$', 'index.md', path)}{hash_sign}{anchor})"
    if REPOSITORY:
        return f"[{label}]({REPOSITORY}/{place}{hash_sign}{anchor})"
    return label if place in label else f"{label} (`{place}`)"


def correct(items):
    """Corrects the links of all chapters, outside of fenced blocks."""
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if not chapter:
            continue
        folder = posixpath.dirname(chapter.get("source_path") or "")
        parts = re.split(r"(^```.*?^```)", chapter["content"], flags=re.MULTILINE | re.DOTALL)
        parts[::2] = [LINK.sub(lambda match: corrected(match, folder), part) for part in parts[::2]]
        chapter["content"] = "".join(parts)
        correct(chapter["sub_items"])


if len(sys.argv) > 1:
    # `supports RENDERER`: all of them.
    sys.exit(0)
_, book = json.load(sys.stdin)
correct(book["items"])
json.dump(book, sys.stdout)

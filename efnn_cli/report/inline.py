"""Inline markup of reports: `code` in backticks and [text](url), everything else is text.

A backslash before a backtick, a bracket or a backslash takes its meaning away. As in CommonMark, a longer run of
backticks encloses code that holds shorter ones. A link leads to http, https or a relative address, or it is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

_TOKEN = re.compile(
    r"\\(?P<escaped>[\\`\[])"
    r"|(?P<fence>`+)(?P<code>[^`](?:.*?[^`])?)(?P=fence)(?!`)"
    r"|(?P<ticks>`+)"
    r"|\[(?P<label>[^\[\]`\\]+)\]\((?P<url>[^()\s]+)\)",
    re.DOTALL,
)
_URL = re.compile(r"[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+")  # without backslashes, which browsers take for slashes
# Control characters, halves of surrogate pairs (names that are not UTF-8), and what reorders the text around it
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Span:
    """A piece of text of one kind; `url` is that of a link."""

    kind: Literal["text", "code", "link"]
    text: str
    url: str = ""


def spans(text: str) -> list[Span]:
    """The pieces of `text` with inline markup, white space made single spaces."""
    text = one_line(text)
    found: list[Span] = []
    plain, end = "", 0
    for token in _TOKEN.finditer(text):
        plain += text[end : token.start()]
        end = token.end()
        if token["escaped"]:
            plain += token["escaped"]
        elif token["code"] and not token["code"].isspace():
            found += [Span("text", plain), Span("code", token["code"].strip())]
            plain = ""
        elif token["label"] and is_safe(token["url"]):
            found += [Span("text", plain), Span("link", token["label"], token["url"])]
            plain = ""
        else:
            plain += token[0]
    found.append(Span("text", plain + text[end:]))
    return [each for each in found if each.text]


def is_safe(url: str) -> bool:
    """Whether a link may lead there: http, https, or relative to the page."""
    if not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") if parts.netloc and parts.scheme else not (parts.scheme or parts.netloc)


def literal(text: str) -> str:
    """`text` as inline markup that shows exactly it: for names and values that a user has given."""
    return re.sub(r"[\\`\[]", r"\\\g<0>", one_line(text))


def code(text: str) -> str:
    """`text` as inline markup that shows exactly it as code."""
    text = one_line(text)
    if not text:
        return ""
    fence = "`" * (1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def clean(text: str) -> str:
    """`text` with characters that no page can hold, or that would reorder it, replaced by U+FFFD."""
    return _UNFIT.sub("\ufffd", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Clean text, white space made single spaces."""
    return " ".join(clean(text).split())

"""A drawn SVG document as an element of a page: inert, with ids of its own, in the colours of the page.

The input is what matplotlib writes: a prolog, metadata, a size in points, `style` attributes, one style sheet that
holds for everything. What could execute or load anything is refused, since labels in a figure come from users.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_SHAPES = frozenset(
    ("circle", "ellipse", "image", "line", "path", "polygon", "polyline", "rect", "text", "tspan", "use")
)
_AROUND = frozenset(("clipPath", "defs", "desc", "g", "marker", "mask", "pattern", "symbol", "title"))
_ELEMENTS = _SHAPES | _AROUND | {"linearGradient", "radialGradient", "stop"}
_PAINTS = ("fill", "stroke", "stop-color")
_INKS = {
    "#222222": "var(--ink)",
    "#000000": "var(--ink)",
    "#888888": "var(--faint)",
    "#dddddd": "var(--grid)",
    "#ffffff": "var(--paper)",
}
_FUNCTIONS = frozenset(("hsl", "hsla", "matrix", "rgb", "rgba", "rotate", "scale", "skewx", "skewy", "translate"))
_PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
_LEAST_SCALE = 0.68  # a figure 480 pixels wide fits a phone; a wider one is scrolled rather than made illegible
_LOCAL = re.compile(r"""\burl\(\s*(["']?)#([^()"'\s]+)\1\s*\)""")
_BACKGROUND = re.compile(r"(figure|axes)_\d+")


def inline_svg(svg: str, prefix: str, label: str) -> str:
    """The `<svg>` element for a page.

    Ids and references to them get `prefix`, which must differ from figure to figure. Size: the width of its box, at
    most the drawn one. Inks become the custom properties --ink, --faint, --grid, --paper of the page; backgrounds of
    figure and axes become transparent. `label` is what the figure shows, in words.

    Raises ValueError where `svg` is no SVG document, has no size, or holds what could execute or load something.
    """
    root = _parsed(svg)
    box, width = _size(root)
    _drop(root, "metadata")
    base = _base_style(root)
    for group in root.iter(f"{_SVG}g"):
        _clear_background(group)
    body = ElementTree.Element("svg", {"viewBox": box, "role": "img", "aria-label": label})
    rem = width / 16
    scale = f"width: 100%; max-width: {rem:.4g}rem; min-width: {_LEAST_SCALE * rem:.4g}rem; height: auto"
    body.set("style", "; ".join(filter(None, [scale, "fill: var(--ink)", base])))
    body.extend([_inert(child, prefix) for child in root])  # a list, so that errors reach the caller
    return ElementTree.tostring(body, encoding="unicode")


def _parsed(svg: str) -> ElementTree.Element:
    """The root element; a document type that declares anything is refused before it is expanded."""
    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = _check_doctype
    guard.EntityDeclHandler = lambda *_: _refuse("declares entities")
    guard.ProcessingInstructionHandler = lambda *_: _refuse("holds a processing instruction")
    try:
        guard.Parse(svg.encode(), True)
        root = ElementTree.fromstring(svg.encode())
    except (expat.ExpatError, ElementTree.ParseError, UnicodeEncodeError) as error:
        raise ValueError(f"a figure must be an SVG document, found what is not XML: {error}") from error
    if root.tag != f"{_SVG}svg":
        raise ValueError(f"a figure must be an SVG document, found the root element {root.tag}")
    return root


def _check_doctype(name: str, system: str | None, public: str | None, internal: int) -> None:
    if internal:
        _refuse("has a document type with declarations of its own")


def _refuse(what: str) -> NoReturn:
    raise ValueError(f"a figure must not execute or load anything, but this one {what}")


def _size(root: ElementTree.Element) -> tuple[str, float]:
    """The view box and the drawn width in CSS pixels."""
    box = root.get("viewBox", "")
    corners = re.findall(r"-?[\d.]+(?:e-?\d+)?", box)
    width = _pixels(root.get("width", ""))
    height = _pixels(root.get("height", ""))
    if len(corners) != 4 and width and height:
        corners = ["0", "0", f"{width:g}", f"{height:g}"]
    if len(corners) != 4 or float(corners[2]) <= 0 or float(corners[3]) <= 0:
        raise ValueError(f"a figure must have a width and a height, or a viewBox of four numbers, found {box!r}")
    return " ".join(corners), width or float(corners[2])


def _pixels(length: str) -> float | None:
    """An absolute length in CSS pixels; None for any other."""
    found = re.fullmatch(r"([\d.]+)([a-z]*)", length.strip())
    return float(found[1]) * _PIXELS[found[2]] if found and found[2] in _PIXELS else None


def _drop(element: ElementTree.Element, name: str) -> None:
    for child in list(element):
        if child.tag == _SVG + name:
            element.remove(child)
        else:
            _drop(child, name)


def _base_style(root: ElementTree.Element) -> str:
    """The declarations of the rule for everything, as the style of the root, whose properties are inherited.

    A style sheet in a page would hold for the whole page: any other rule is refused, and the element goes.
    """
    found = []
    for sheet in root.iter(f"{_SVG}style"):
        rule = re.fullmatch(r"\s*\*\s*\{([^{}]*)\}\s*", sheet.text or "")
        if rule is None or len(sheet):
            _refuse("has a style sheet with rules for more than `*`")
        found.append(_style(rule[1], ""))
    _drop(root, "style")
    return "; ".join(filter(None, found))


def _clear_background(group: ElementTree.Element) -> None:
    """Take the white from the patch that a figure or its axes begin with."""
    if not _BACKGROUND.fullmatch(group.get("id", "")) or not len(group):
        return
    for path in group[0].iter(f"{_SVG}path"):
        if group[0].get("id", "").startswith("patch_"):
            path.set("style", re.sub(r"fill:\s*(#ffffff|white)\b", "fill: none", path.get("style", "")))


def _inert(element: ElementTree.Element, prefix: str) -> ElementTree.Element:
    """A copy without namespaces, of known elements only."""
    name = str(element.tag).removeprefix(_SVG)
    if name not in _ELEMENTS:
        _refuse(f"holds the element <{name}>")
    copy = ElementTree.Element(name, dict(_attributes(element, name, prefix)))
    copy.text, copy.tail = element.text, element.tail
    copy.extend([_inert(child, prefix) for child in element])
    return copy


def _attributes(element: ElementTree.Element, name: str, prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        key = key.removeprefix(_XLINK)
        if key.startswith(_XML):
            continue
        if key.startswith("{") or key.lower().startswith("on"):
            _refuse(f"has the attribute {key}")
        if key == "id":
            yield key, prefix + value
        elif key == "href":
            yield key, _reference(name, value, prefix)
        elif key == "style":
            yield key, _style(value, prefix)
        elif key in _PAINTS:
            yield key, _ink(_checked(value, prefix))
        else:
            yield key, _checked(value, prefix)


def _reference(name: str, value: str, prefix: str) -> str:
    """A reference within the figure, or the pixels of an image."""
    if value.startswith("#"):
        return f"#{prefix}{value[1:]}"
    if name == "image" and re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/=\s]*", value):
        return value
    _refuse(f"refers to {value[:60]!r}")


def _style(text: str, prefix: str) -> str:
    """Declarations with the inks of the page."""
    kept = []
    for declaration in filter(None, map(str.strip, text.split(";"))):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        value = _checked(value, prefix)
        kept.append(f"{key}: {_ink(value) if key in _PAINTS else value}")
    return "; ".join(kept)


def _checked(value: str, prefix: str) -> str:
    """A value that calls harmless functions only; `url(#ID)` gets the prefix."""
    if re.search(r"[\\@<]|/\*", value):
        _refuse(f"has the value {value[:60]!r}")
    functions = re.findall(r"([\w-]*)\(", _LOCAL.sub("", value))
    if not _FUNCTIONS.issuperset(map(str.lower, functions)):
        _refuse(f"has the value {value[:60]!r}")
    return _LOCAL.sub(lambda found: f"url(#{prefix}{found[2]})", value)


def _ink(paint: str) -> str:
    """The custom property for an ink, other greys as far between ink and paper as drawn, colours as they are."""
    paint = paint.lower()
    if paint not in _INKS and (grey := re.fullmatch(r"#([0-9a-f]{2})\1\1", paint)):
        return f"color-mix(in srgb, var(--ink) {(255 - int(grey[1], 16)) / 2.55:.0f}%, var(--paper))"
    return _INKS.get(paint, paint)

"""Reads HTML as a strict parser would: every tag closed in order, ids unique, and what stands where."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "hr"}
KINDS = {"caption": "p", "figcaption": "p", "th": "cell", "td": "cell", "li": "item"}
TEXTS = {"h1", "h2", "h3", "h4", "h5", "h6", "p", "pre", "dt", "dd", *KINDS}


class Reader(HTMLParser):
    """`content`: (kind, text) of everything readable, in order, navigation apart; `elements`: (name, attributes)."""

    def __init__(self, text):
        super().__init__()
        self.content, self.elements = [], []
        self._open, self._texts = [], []
        self.feed(text)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag in TEXTS and "nav" not in self._open:
            self._texts.append([])

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag in TEXTS and "nav" not in self._open:
            text = "".join(self._texts.pop())
            text = text.rstrip("\n") if tag == "pre" else " ".join(text.split())
            if tag == "dd":
                self.content[-1] = ("item", f"{self.content[-1][1]}: {text}")
            elif text or tag in ("td", "th"):
                self.content.append((KINDS.get(tag, tag), text))

    def handle_data(self, data):
        if self._texts:
            self._texts[-1].append(data)

    def ids(self):
        found = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(found) == len(set(found)), "an id stands twice"
        return set(found)

    def named(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]

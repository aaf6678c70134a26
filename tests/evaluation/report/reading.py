"""A report as a parser of HTML sees it."""

from html.parser import HTMLParser

from tsfm_runner.evaluation.report import render
from tsfm_runner.evaluation.schema import Document

_WITHOUT_END = {"meta", "link", "br", "hr", "img", "input"}
_LOADING = {"src", "href", "srcset", "data", "action", "poster", "formaction"}


class Reading(HTMLParser):
    """What stands in a page: ids, addresses, handlers, texts, scripts."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.texts: list[str] = []
        self.policy = ""
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(render(document))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in _LOADING:
                self.addresses.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "content" and "default-src" in (value or ""):
                self.policy = value or ""
        if tag not in _WITHOUT_END:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        kept = {"script": self.scripts, "style": self.styles}.get(inside, self.texts)
        kept.append(data)

    @property
    def text(self) -> str:
        """What a reader without scripts sees."""
        return " ".join(" ".join(self.texts).split())

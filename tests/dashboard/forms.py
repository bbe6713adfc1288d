"""Forms as a browser would send them back: every field that the page has, with what it says."""

from __future__ import annotations

from html.parser import HTMLParser


class _Forms(HTMLParser):
    """Reads the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._fields: dict[str, str] | None = None
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            self.forms.append((given.get("action", ""), self._fields))
        elif self._fields is None:
            return
        elif tag == "input" and given.get("name"):
            self._input(given)
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and (self._select not in self._fields or "selected" in given):
            self._fields[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._textarea = given["name"]
            self._fields[self._textarea] = ""

    def handle_data(self, data: str) -> None:
        if self._textarea and self._fields is not None:
            self._fields[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def _input(self, given: dict[str, str]) -> None:
        assert self._fields is not None
        if given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                self._fields[given["name"]] = given.get("value", "on")
        else:
            self._fields[given["name"]] = given.get("value", "")


def form_of(html: str, action: str) -> dict[str, str]:
    """The fields of the page's form with this action, as they stand."""
    reader = _Forms()
    reader.feed(html)
    return next(fields for found, fields in reader.forms if found == action)

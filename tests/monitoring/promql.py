"""The series that a PromQL expression asks for: names, matchers and label lists."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<range>\[[^\]]*\])
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?:ms|[smhdwy])?)
    |(?P<word>[a-zA-Z_:][\w:]*)
    |(?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){},@])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LISTS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"})
_AGGREGATIONS = frozenset(
    {
        *("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count"),
        *("count_values", "bottomk", "topk", "quantile"),
    }
)


class Matcher(NamedTuple):
    """One condition on a label."""

    label: str
    operator: str
    value: str

    def alternatives(self) -> list[str]:
        """Return what the value may be: of a regular expression, each branch."""
        return self.value.split("|") if "~" in self.operator else [self.value]


class Selector(NamedTuple):
    """One series that is asked for."""

    name: str
    matchers: tuple[Matcher, ...]


class Query(NamedTuple):
    """All that an expression names."""

    selectors: tuple[Selector, ...]
    grouping: frozenset[str]


class _Token(NamedTuple):
    kind: str
    text: str


def read_query(expression: str) -> Query:
    """Return what an expression names; raise ``ValueError`` where it cannot be read."""
    tokens = list(_tokens(expression))
    selectors: list[Selector] = []
    grouping: set[str] = set()
    place = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if token.kind != "word" or token.text.lower() in _WORDS:
            continue
        following = tokens[place].text if place < len(tokens) else ""
        word = token.text.lower()
        if word in _LISTS:
            if following == "(":
                names, place = _names(tokens, place + 1)
                grouping |= names
        elif following != "(" and word not in _AGGREGATIONS:
            matchers, place = _matchers(tokens, place)
            selectors.append(Selector(token.text, matchers))
    return Query(tuple(selectors), frozenset(grouping))


def _tokens(expression: str) -> Iterator[_Token]:
    place = 0
    while place < len(expression):
        found = _TOKEN.match(expression, place)
        if found is None or found.lastgroup is None:
            raise ValueError(f"cannot be read from here: {expression[place:]!r}")
        if found.lastgroup != "space":
            yield _Token(found.lastgroup, found.group())
        place = found.end()


def _names(tokens: list[_Token], place: int) -> tuple[set[str], int]:
    names = set()
    while tokens[place].text != ")":
        if tokens[place].kind == "word":
            names.add(tokens[place].text)
        place += 1
    return names, place + 1


def _matchers(tokens: list[_Token], place: int) -> tuple[tuple[Matcher, ...], int]:
    if place >= len(tokens) or tokens[place].text != "{":
        return (), place
    matchers = []
    place += 1
    while tokens[place].text != "}":
        label, operator, value = tokens[place : place + 3]
        matchers.append(Matcher(label.text, operator.text, value.text[1:-1]))
        place += 3
        if tokens[place].text == ",":
            place += 1
    return tuple(matchers), place + 1

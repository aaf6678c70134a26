"""A part of a path that may hold anything, as `{market_id:whole}`."""

from starlette.convertors import Convertor, register_url_convertor


class _WholeConvertor(Convertor[str]):
    """All that is left of a path: the name of a market may hold anything."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """Return it as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return it as it is."""
        return value


def register_whole_path() -> None:
    """Make `whole` known; starlette's own `path` stops at a line break."""
    register_url_convertor("whole", _WholeConvertor())

"""The rules of the house that no linter checks: arrows, sizes, catches, paths."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "src").rglob("*.py"))
FOLDERS = ("src", "tests", "docs", "training", "benchmarks", "requirements", ".ci")
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".txt", ".lock", ".svg", ""}
WRITTEN = sorted(
    path
    for found in (ROOT.glob("*"), *((ROOT / name).rglob("*") for name in FOLDERS))
    for path in found
    if path.is_file() and path.suffix in TEXT and not path.name.startswith(".coverage")
)
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 40
BROAD = {"Exception", "BaseException"}
MACHINE_PATH = re.compile(r"/(?:home|root|Users|work)/\w")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def code_lines(function: Function) -> int:
    """Count the lines of a body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def passes_on(handler: ast.ExceptHandler) -> bool:
    """Whether what is caught is raised again: here, or at those who wait for it."""
    last = handler.body[-1]
    is_raised = isinstance(last, ast.Raise) and last.exc is None
    handed_over = (
        ast.unparse(node.args[0])
        for node in ast.walk(handler)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "set_exception"
    )
    return is_raised or (handler.name is not None and handler.name in handed_over)


def broad_catches(source: str) -> list[int]:
    """Return the line of each handler that takes any exception and swallows it.

    One that passes it on hides nothing: the edge tells of an error before it goes
    on to the server, and what fails for many callers fails at each of them.
    """
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ExceptHandler)
        and not passes_on(node)
        and (
            node.type is None
            or BROAD
            & {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
        )
    ]


def test_every_import_keeps_the_contracts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    exit_code = lint_imports(
        config_filename=str(ROOT / "pyproject.toml"),
        cache_dir=str(tmp_path),
        no_logo=True,
    )

    assert exit_code == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_fits_on_a_few_screens(path: Path) -> None:
    n_lines = len(path.read_text(encoding="utf-8").splitlines())

    assert n_lines <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_function_fits_on_one_screen(path: Path) -> None:
    too_long = {
        function.name: code_lines(function)
        for function in functions(path)
        if code_lines(function) > MAX_FUNCTION_LINES
    }

    assert too_long == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_catches_errors_that_it_cannot_name(path: Path) -> None:
    assert broad_catches(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "handler", ["except Exception", "except (OSError, Exception)", "except"]
)
def test_a_catch_of_everything_is_seen(handler: str) -> None:
    assert broad_catches(f"try:\n    pass\n{handler}:\n    pass\n") == [3]


@pytest.mark.parametrize(
    "handler",
    [
        "except Exception:\n    note()\n    raise",
        "except Exception as failure:\n    caller.set_exception(failure)",
    ],
)
def test_a_catch_that_passes_the_error_on_hides_nothing(handler: str) -> None:
    assert broad_catches(f"try:\n    pass\n{handler}\n") == []


@pytest.mark.parametrize(
    "handler",
    [
        "except Exception:\n    raise ValueError",
        "except Exception:\n    raise\n    pass",
        "except Exception as failure:\n    caller.set_exception(ValueError())",
    ],
)
def test_a_catch_that_passes_something_else_on_is_seen(handler: str) -> None:
    assert broad_catches(f"try:\n    pass\n{handler}\n") == [3]


def test_a_docstring_is_no_line_of_code() -> None:
    [function] = ast.parse('def f():\n    """Say it."""\n    x = 1\n    return x').body

    assert isinstance(function, ast.FunctionDef)
    assert code_lines(function) == 2


def test_no_file_names_a_place_on_one_machine() -> None:
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in WRITTEN
        for match in [MACHINE_PATH.search(path.read_text(encoding="utf-8"))]
        if match
    ]

    assert found == []

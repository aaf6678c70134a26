"""Small files are read whole, or refused with a reason that quotes nothing."""

from pathlib import Path

import pytest

from tsfm_runner.adapters.text_file import read_mapping, read_text, replace_text
from tsfm_runner.errors import ConfigurationError


def _written(folder: Path, content: str | bytes) -> Path:
    path = folder / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_mapping_is_read(tmp_path: Path) -> None:
    path = _written(tmp_path, "server:\n  port: 9000\nlist: [1, 2]\n")

    assert read_mapping(path) == {"server": {"port": 9000}, "list": [1, 2]}


def test_a_file_of_comments_holds_nothing(tmp_path: Path) -> None:
    path = _written(tmp_path, "# nothing yet\n")

    assert read_mapping(path) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("- a\n- b\n", "must hold a mapping"),
        ("a: [secret-value\n", "is not valid YAML"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "line 4, names 'c' twice"),
        ("a: [{b: secret-value, b: 2}]", "names 'b' twice"),
        ("a: !!python/object:os.system secret-value", "is not valid YAML"),
        ("a: 2020-13-45", "is not valid YAML"),
        ("a: !!timestamp secret-value", "is not valid YAML"),
        ("a: !!bool secret-value", "is not valid YAML"),
        ("a: !!int ''", "is not valid YAML"),
        ("a: " + "[" * 5_000, "is not valid YAML"),
        ("? [secret-value]\n: 1\n? [secret-value]\n: 2", "is not valid YAML"),
        (b"\xff\xfe\x00", "it is not UTF-8 text"),
    ],
)
def test_other_content_is_refused(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    path = _written(tmp_path, content)

    with pytest.raises(ConfigurationError, match=reason) as caught:
        read_mapping(path)

    assert str(path) in str(caught.value)
    assert "secret-value" not in str(caught.value)


def test_aliases_of_aliases_are_looked_at_once(tmp_path: Path) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    path = _written(tmp_path, "\n".join(["a0: &a0 [x]", *levels]))

    assert read_mapping(path)["a1"] == [["x"]] * 9


def test_an_absent_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "absent"

    with pytest.raises(ConfigurationError, match="absent cannot be read: No such file"):
        read_text(path)


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "target").write_text("old")
    link = tmp_path / "link"
    link.symlink_to(folder / "target")

    replace_text(link, "new")

    assert link.is_symlink()
    assert (folder / "target").read_text() == "new"
    assert list(folder.iterdir()) == [folder / "target"]

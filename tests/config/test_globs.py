"""Files that a glob of the configuration means: the same as the standard library's, and an end to looking."""

import glob
from pathlib import Path

import pytest

from agent.config import ConfigError, globs, load
from agent.config.globs import TooMuchError, matching

TREE = ("a.csv", "b.txt", ".hidden.csv", "x/c.csv", "x/y/d.csv", "x/y/.e.csv", ".git/f.csv", "z.csv/g.csv")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    [
        "*.csv", "*", ".*", ".*.csv", "x/*.csv", "*/*.csv", "**/*.csv", "**", "x/**", "x/**/*.csv", "**/y/*.csv",
        "**/**/*.csv", "**/y/**/*.csv", "x/../*.csv", "../*/a.csv", "[ab].*", "?.csv", "nowhere/*.csv", "a.csv/*",
        "x/y/*/..",
    ],
)  # fmt: skip
def test_finds_what_the_standard_library_finds(tree: Path, pattern: str) -> None:
    named = {tree / name for name in glob.glob(pattern, root_dir=tree, recursive=True)}  # noqa: PTH207 - compared
    expected = {path for path in named if path.is_file()}
    assert set(matching(tree, pattern)) == expected
    absolute = {Path(name) for name in glob.glob(str(tree / pattern), recursive=True)}  # noqa: PTH207 - compared
    assert set(matching(Path("/nowhere"), str(tree / pattern))) == {path for path in absolute if path.is_file()}


def test_plain_name_is_taken_as_it_is(tmp_path: Path) -> None:
    assert matching(tmp_path, "none.csv") == [tmp_path / "none.csv"]
    assert matching(tmp_path, "a\0*.csv") == []


def test_circle_of_links_is_walked_once(tree: Path) -> None:
    (tree / "x" / "round").symlink_to(tree)
    (tree / "x" / "self").symlink_to("self")
    (tree / "linked").symlink_to(tree / "x" / "y")
    found = matching(tree, "**/*.csv")
    assert {path.resolve() for path in found} == {
        tree / "a.csv",
        tree / "x/c.csv",
        tree / "x/y/d.csv",
        tree / "z.csv/g.csv",
    }
    assert len(found) == 4


def test_glob_that_reaches_too_far_is_one_error(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooMuchError, match=r"'\*\*/\*' reaches too far: more than 3 files; expected the files of one"):
        matching(tree, "**/*", most_files=3)
    monkeypatch.setattr(globs, "MOST_LEVELS", 1)
    with pytest.raises(TooMuchError, match=r"more than 1 folders below each other, the last .*/x/y"):
        matching(tree, "**/none")
    monkeypatch.setattr(globs, "MOST_LEVELS", 9)
    monkeypatch.setattr(globs, "MOST_LOOKED_AT", 5)
    with pytest.raises(TooMuchError, match=r"more than 5 names to look at, the last in "):
        matching(tree, "**/none")


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ("hardware: {lifecycle: [mine.csv, '/**/*.csv']}", r"hardware\.lifecycle\[1\]"),
        ("inventory: ['/**/*.csv']", r"inventory\[0\]"),
        ("include: ['/**/*.yaml']", r"include\[0\]"),
        ("multitarget: {modules: ['/**/*.yml']}", r"multitarget\.modules\[0\]"),
    ],
)
def test_glob_over_a_whole_disk_is_refused(
    tmp_path: Path, setting: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(globs, "MOST_LOOKED_AT", 1_000)
    (tmp_path / "mine.csv").write_text("model_pattern,source,checked_on,end_of_support\n")
    file = tmp_path / "a.yaml"
    file.write_text(f"agent: {{name: dc1}}\n{setting}\n")
    expected = rf"^.*a\.yaml:2: {place}: '/\*\*/\S+' reaches too far: more than .*; expected .*: put them into a folder"
    with pytest.raises(ConfigError, match=expected) as caught:
        load(file)
    assert len(caught.value.problems) == 1

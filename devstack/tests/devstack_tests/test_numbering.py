"""Two changes that took the same number are told apart before anything runs."""

import pytest

from devstack import numbering


@pytest.fixture
def folder(tmp_path):
    def migration(name, revision, down):
        (tmp_path / name).write_text(f'revision = "{revision}"\ndown_revision = {down}\n')

    migration("0001_first.py", "0001", None)
    migration("0002_second.py", "0002", '"0001"')
    migration("0004_third.py", "0004", '"0002"')
    return tmp_path, migration


def test_a_chain_is_in_order_even_where_a_number_was_left_out(folder):
    assert list(numbering.migrations(folder[0])) == []


@pytest.mark.parametrize(
    ("name", "revision", "down", "said"),
    [
        ("0004_rival.py", "0004", '"0002"', "0004_third.py: does not follow 0004_rival.py"),
        ("0005_fourth.py", "0005", '"0002"', "0005_fourth.py: does not follow 0004_third.py"),
        ("0005_fourth.py", "0006", '"0004"', "0005_fourth.py: its revision is not"),
    ],
)
def test_a_migration_that_does_not_follow_is_named(folder, name, revision, down, said):
    path, migration = folder
    migration(name, revision, down)
    assert said in "\n".join(numbering.migrations(path))


def test_decisions_with_one_number_are_named(tmp_path):
    (tmp_path / "0007-one.md").write_text("# 7. One\n")
    assert list(numbering.decisions(tmp_path)) == []
    (tmp_path / "0007-other.md").write_text("# 8. Other\n")
    assert len(list(numbering.decisions(tmp_path))) == 2

"""The README is part of the product: what it lists is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_every_setting_stands_in_the_readme_with_its_meaning() -> None:
    """Each setting has a row with its description, and no row names a setting that is not there."""
    rows = dict(re.findall(r"^\| `PGJOBS_([A-Z_]+)` \| [^|]* \| (.*) \|$", README, re.MULTILINE))
    assert rows == {name.upper(): field.description for name, field in Settings.model_fields.items()}


def test_every_metric_of_a_daemon_stands_in_the_readme() -> None:
    """Each metric of the registry has a row, under the name Prometheus sees."""
    names = {family.name + ("_total" if family.type == "counter" else "") for family in Metrics().registry.collect()}
    assert names <= set(re.findall(r"^\| `([a-z_]+)` \|", README, re.MULTILINE))


def test_every_path_of_the_code_map_exists() -> None:
    """The code map names files and folders that are there."""
    code_map = README[README.index("## Code map") :]
    paths = re.findall(r"`((?:pgjobs|sql|tests|migrations)/?[\w/.]*)`", code_map)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_sqlstate_of_the_readme_is_one_the_database_raises() -> None:
    """The table of SQLSTATEs names exactly those that sql/ uses."""
    used = set(re.findall(r"'(PJ\d{3})'", "".join(path.read_text() for path in (ROOT / "sql").rglob("*.sql"))))
    assert set(re.findall(r"^\| `(PJ\d{3})` \|", README, re.MULTILINE)) == used

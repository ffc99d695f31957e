"""What an alert tells people to type, set or look at exists: commands and their options, settings, objects, metrics."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from fix_jobs import Db
from typer.main import get_command

from pgjobs import monitoring
from pgjobs.cli import app
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

RULES: dict[str, str] = {
    rule["alert"]: f"{rule['annotations']['summary']}\n{rule['annotations']['description']}"
    for group in yaml.safe_load(monitoring.text("alerts"))["groups"]
    for rule in group["rules"]
}


def told(pattern: str, text: str) -> set[str]:
    """What a text says in these words."""
    return set(re.findall(pattern, text))


@pytest.mark.parametrize("name", sorted(RULES))
def test_each_command_exists(name: str) -> None:
    """A command that an alert names is one, and has the options that stand behind it."""
    commands: dict[str, Any] = getattr(get_command(app), "commands", {})
    for command, rest in re.findall(r"\bpgjobs ([a-z]+)([^.:;(),]*)", RULES[name]):
        assert command in commands, f"pgjobs {command}"
        known = {option for parameter in commands[command].params for option in parameter.opts}
        assert told(r"--[a-z-]+", rest) <= known


@pytest.mark.parametrize("name", sorted(RULES))
def test_each_setting_exists(name: str) -> None:
    """A setting that an alert names is one of the settings."""
    known = {f"PGJOBS_{name.upper()}" for name in Settings.model_fields}
    assert told(r"PGJOBS_[A-Z_]+", RULES[name]) <= known


@pytest.mark.parametrize("name", sorted(RULES))
def test_each_rule_names_a_remedy(name: str) -> None:
    """Each says at least one thing to type, to set or to look at by its name, not only that something is wrong."""
    named = told(r"\bpgjobs [a-z]+|rabbitmqctl \w+|PGJOBS_[A-Z_]+|pgjobs\.\w+|pg_stat_\w+", RULES[name])
    assert named


def test_each_object_exists(db: Db) -> None:
    """Tables, views, their columns and functions of the database that alerts name are there; a statement can be run."""
    text = "\n".join(RULES.values())
    for relation, column in re.findall(r"\bpgjobs\.(\w+)(?:\.(\w+))?(?![\w(])", text):
        columns = db.value(
            "select array_agg(attname::text) from pg_attribute where attrelid = to_regclass('pgjobs.' || %s)", relation
        )
        assert columns, relation
        assert not column or column in columns
    for column, relation in re.findall(r"the column (\w+) of pgjobs\.(\w+)", text):
        assert db.value(
            "select count(*) from pg_attribute where attrelid = to_regclass('pgjobs.' || %s) and attname = %s",
            relation,
            column,
        )
    statements = re.findall(r"select pgjobs\.\w+\([^)]*\)", text)
    assert ["select pgjobs.set_retention('logs', '90 days')"] == statements
    db.execute("select pgjobs.set_retention('logs', '90 days')")


def test_each_metric_exists() -> None:
    """A metric that an alert names is one that a daemon shows."""
    shown = {family.name for family in Metrics().registry.collect()}
    assert told(r"\bpgjobs_\w+", "\n".join(RULES.values())) <= shown

"""The alert rules: true to promtool, to their own tests, to their runbook, and to the alerts of the database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from fix_jobs import Db
from fix_prometheus import FOLDER, promtool

from pgjobs import monitoring

RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(monitoring.text("alerts"))["groups"] for rule in group["rules"]
}
TESTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
OF_PROMETHEUS = {"PgjobsWebDown", "PgjobsDaemonNotScraped"}
"""Alerts about Prometheus itself, of which the database knows nothing."""
README = (FOLDER / "README.md").read_text()


def told(rule: dict[str, Any]) -> str:
    """What a rule says to do, with JOB in the place of the number of a job."""
    return str(rule["annotations"]["description"]).replace("{{ $labels.job_id }}", "JOB")


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    """promtool takes each rule."""
    checked = promtool("check", "rules", "alerts.yml")
    assert 0 == checked.returncode, checked.stdout
    assert f"SUCCESS: {len(RULES)} rules found" in checked.stdout


def test_the_tests_of_the_rules_pass() -> None:
    """Each rule fires where it should, with its sentence, and does not where it should not."""
    tested = promtool("test", "rules", "alerts_test.yml")
    assert 0 == tested.returncode, tested.stdout


def test_a_test_of_the_rules_can_fail(tmp_path: Path) -> None:
    """With another threshold the tests of the rules are not passed: they do look."""
    text = monitoring.text("alerts")
    assert "> 0.85" in text
    (tmp_path / "alerts.yml").write_text(text.replace("> 0.85", "> 0.5"))
    (tmp_path / "alerts_test.yml").write_text((FOLDER / "alerts_test.yml").read_text())
    failed = promtool("test", "rules", "alerts_test.yml", folder=tmp_path)
    assert 0 != failed.returncode
    assert "PgjobsLogVolumeFull" in failed.stdout


@pytest.mark.parametrize("name", sorted(RULES))
def test_each_rule_is_tested_both_ways(name: str) -> None:
    """There is a case in which the rule fires, and one in which it does not.

    Where a rule asks how a counter has grown, both are there for one that is above 0 when it is first seen, too.
    """
    cases = [case for test in TESTS for case in test["alert_rule_test"] if case["alertname"] == name]
    outcomes = [bool(case["exp_alerts"]) for case in cases]
    grown = re.search(r"increase|\w+_total\[5m\]", RULES[name]["expr"])
    assert min(outcomes.count(True), outcomes.count(False)) >= (2 if grown else 1)


@pytest.mark.parametrize("name", sorted(RULES))
def test_each_rule_says_what_to_do(name: str) -> None:
    """A rule has a severity, a sentence, what to do, and a place in the README, which says the same."""
    rule = RULES[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert {"summary", "description", "runbook"} == set(rule["annotations"])
    assert rule["annotations"]["runbook"] == f"pgjobs/monitoring/README.md#{name.lower()}"
    section = README.partition(f"\n### {name}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    assert rule["labels"]["severity"] in section
    assert told(rule) in " ".join(section.split())


def test_the_table_says_how_long_each_rule_waits() -> None:
    """The README has a row for each rule, in their order: severity, and how long its condition has to last."""
    rows = re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \| (\w+) \| (.+?) \| .+ \|$", README, re.MULTILINE)
    assert [
        (name, name.lower(), rule["labels"]["severity"], rule.get("for", "-")) for name, rule in RULES.items()
    ] == rows


def test_rules_and_view_agree(db: Db) -> None:
    """The database has the same alerts, but for those about Prometheus itself: names, severities and what to do."""
    rows = db.execute("select name, severity, what_to_do from pgjobs.alert_rules()").fetchall()
    rules = [
        (name, rule["labels"]["severity"], told(rule)) for name, rule in RULES.items() if name not in OF_PROMETHEUS
    ]
    assert sorted(rules) == sorted(rows)
    assert set(RULES) >= OF_PROMETHEUS


def test_the_configuration_is_one_of_prometheus(tmp_path: Path) -> None:
    """promtool takes prometheus.yml with the rules beside it, as the README puts them."""
    for name, file in (("prometheus", "prometheus.yml"), ("alerts", "alerts.yml")):
        (tmp_path / file).write_text(monitoring.text(name))
    checked = promtool("check", "config", "prometheus.yml", folder=tmp_path)
    assert 0 == checked.returncode, checked.stdout

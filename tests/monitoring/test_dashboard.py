"""The dashboard: what Grafana's own schemas and linter ask of one, as far as it can be looked at without a Grafana."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from pgjobs import monitoring

DASHBOARD: dict[str, Any] = json.loads(monitoring.text("grafana"))
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
TARGETS = {
    f"{panel['title']}, {target['refId']}": (panel, target) for panel in PANELS.values() for target in panel["targets"]
}
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"none", "s", "bytes", "cps", "percentunit"}
"""Ids of units as Grafana has them; another one is looked up in its list (getValueFormats of @grafana/data) first."""
BUILT_IN = {"__rate_interval", "datasource"}
YOUNG = re.compile(r"\((?P<series>\w+_total(?:{[^}]*})?) unless (?P=series) offset (?P<time>\S+)\)")
"""A counter that was not there so long ago: what it shows, it has counted since."""


def test_each_panel_uses_the_data_source_that_is_chosen_at_the_top() -> None:
    """A variable is the data source of every panel, query and list, so it works imported and provisioned alike."""
    source = VARIABLES["datasource"]
    assert ("datasource", "prometheus", "Data source") == (source["type"], source["query"], source["label"])
    assert "__inputs" not in DASHBOARD, "a file that is provisioned has nobody who answers them"
    users = [*PANELS.values(), *(target for _, target in TARGETS.values())]
    users += [variable for variable in VARIABLES.values() if variable is not source]
    assert [SOURCE] * len(users) == [user["datasource"] for user in users]


def test_it_names_itself_and_what_it_needs() -> None:
    """It has a uid, no id, the schema of Grafana 9.4, and each kind of panel among what it requires."""
    assert (None, "pgjobs", 38) == (DASHBOARD["id"], DASHBOARD["uid"], DASHBOARD["schemaVersion"])
    needed = {each["id"] for each in DASHBOARD["__requires"] if each["type"] == "panel"}
    assert needed == {panel["type"] for panel in PANELS.values()}
    assert ["datasource", "daemon", "type"] == list(VARIABLES)


def test_no_id_or_title_is_taken_twice() -> None:
    """Panels are told apart by both, and the queries of one by their letters."""
    panels = DASHBOARD["panels"]
    assert len(panels) == len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels})
    assert len(TARGETS) == sum(len(panel["targets"]) for panel in PANELS.values())


def test_the_panels_fill_their_rows() -> None:
    """No panel lies on another one, none leaves a hole beside it, and none reaches beyond the 24 columns."""
    taken = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert {(x, y) for x in range(24) for y in range(max(y for _, y in taken) + 1)} == set(taken)


@pytest.mark.parametrize("title", sorted(PANELS))
def test_each_panel_says_what_it_shows(title: str) -> None:
    """A panel has a unit of Grafana's, a description and a query; one that shows a share begins at 0."""
    panel = PANELS[title]
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS
    assert re.fullmatch(r"[A-Z0-9].{20,}\.", panel["description"])
    assert all(target["expr"] for target in panel["targets"])
    assert [] == panel["fieldConfig"]["overrides"], "what they match is to be tested as well"
    steps = defaults["thresholds"]["steps"]
    values = [step["value"] for step in steps]
    assert None is values[0]
    assert values[1:] == sorted(set(values[1:]))


@pytest.mark.parametrize("title", sorted(title for title in PANELS if PANELS[title]["type"] == "timeseries"))
def test_each_graph_has_a_legend(title: str) -> None:
    """A graph shows its legend, and each of its lines is called by what tells it from the others."""
    options = PANELS[title]["options"]
    assert {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []} == options["legend"]
    names = [target["legendFormat"] for target in PANELS[title]["targets"]]
    assert len(names) == len(set(names))
    assert "__auto" not in names


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_each_query_keeps_the_rules(name: str) -> None:
    """A line is named by the labels that its query keeps; variables are known; a counter is never shown as it is, and
    what it grows by is asked for the interval of a point or for an hour, in which a young series counts whole."""
    panel, target = TARGETS[name]
    expression = target["expr"]
    kept = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
    assert set(re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"])) <= kept
    assert set(re.findall(r"\$(\w+)", expression)) <= {*VARIABLES, *BUILT_IN}
    assert target["instant"] is not target["range"]
    assert target["instant"] is (panel["type"] in ("table", "stat", "bargauge"))
    asked = re.findall(r"(?:rate|increase)\([^[]*\[([^]]*)\]\)", expression)
    assert set(asked) <= {"$__rate_interval", "1h"}
    young = {each["time"] for each in YOUNG.finditer(expression)}
    assert young <= set(asked)
    grown = re.sub(r"(?:rate|increase)\([^[]*\[[^]]*\]\)", "", YOUNG.sub("", expression))
    assert not list(counters(grown)), "a counter is to be shown by what it grows by"


def counters(expression: str) -> Iterator[str]:
    """The names of counters, and of what a histogram counts, in an expression; gauges that end in _count are older."""
    yield from re.findall(r"\b(?:\w+_total|pgjobs_\w+_(?:sum|count|bucket))\b", expression)


@pytest.mark.parametrize("name", sorted(set(VARIABLES) - {"datasource"}))
def test_each_list_is_read_anew(name: str) -> None:
    """The list of a variable is that of the time that is shown; all of it is chosen at first, for anything."""
    variable = VARIABLES[name]
    assert re.fullmatch(rf"label_values\(pgjobs_\w+, {name}\)", variable["query"]["query"])
    assert variable["definition"] == variable["query"]["query"]
    assert (2, True, True, ".*") == tuple(variable[key] for key in ("refresh", "multi", "includeAll", "allValue"))
    users = [target["expr"] for _, target in TARGETS.values() if f"${name}" in target["expr"]]
    assert users
    assert not [expression for expression in users if f'{name}=~"${name}"' not in expression]


def test_the_rows_are_those_that_people_look_for() -> None:
    """What is wrong comes first; then jobs, throughput and what they depend on."""
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert [
        "What is wrong", "Jobs", "Throughput", "Confirm latency", "Backlog", "Errors", "Daemons", "Database",
        "Callbacks and mailings",
    ] == rows  # fmt: skip

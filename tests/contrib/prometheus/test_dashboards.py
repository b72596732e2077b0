"""Each expression of the dashboard and the alerts asks for what is exported, by labels that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dekaf import Producer
from dekaf.contrib.prometheus import collect
from dekaf.errors import ProduceError
from dekaf.metric_families import FAMILIES
from dekaf.testing import ApiKey, ErrorCode, FakeCluster

FOLDER = Path(__file__).parents[3] / "dashboards"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dekaf-producer.json").read_text(encoding="utf-8"))
ALERTS: dict[str, Any] = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))

OF_PROMETHEUS = {"instance", "job"}  # labels that it adds itself


def expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


EXPRESSIONS = dict(expressions())


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Return the labels of each sample that a producer exports which has met everything."""
    registry = CollectorRegistry()
    with FakeCluster(topics={"orders": 1}) as cluster:
        cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
            with pytest.raises(ProduceError):
                producer.produce("orders", "1", "a")
            producer.produce("orders", "1", "a")
            collect(producer, registry)
            text = generate_latest(registry).decode()
    return {
        sample.name: set(sample.labels) for family in text_string_to_metric_families(text) for sample in family.samples
    }


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression_asks_for_what_is_exported(exported: dict[str, set[str]], name: str) -> None:
    expression = EXPRESSIONS[name]
    metrics = set(re.findall(r"dekaf_\w+", expression))
    asked = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    asked |= set(re.findall(r"[{,]\s*(\w+)\s*=~?", expression))

    assert metrics
    assert metrics <= set(exported)
    for metric in metrics:
        assert asked <= exported[metric] | OF_PROMETHEUS


def test_series_that_begin_with_a_failure_are_a_reason_for_an_alert_by_themselves() -> None:
    """What has no value before the first failure increases by nothing when it comes."""
    begin_at_zero = {family.name for family in FAMILIES if not family.labels}
    for rule in ALERTS["groups"][0]["rules"]:
        for metric in re.findall(r"increase\((\w+)", rule["expr"]):
            assert metric in begin_at_zero or f"({metric} unless {metric} offset 5m)" in rule["expr"], rule["alert"]


def test_expressions_are_balanced() -> None:
    for expression in EXPRESSIONS.values():
        for opening, closing in ("()", "{}", "[]"):
            assert expression.count(opening) == expression.count(closing), expression


def test_all_that_is_exported_is_on_the_dashboard(exported: dict[str, set[str]]) -> None:
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])

    assert [family.name for family in FAMILIES if family.name not in shown] == ["dekaf_buffer_records"]
    assert "dekaf_buffer_records" in exported


def test_legends_name_labels_that_are_asked_for() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            grouped = ",".join(re.findall(r"by \(([^)]*)\)", target["expr"]))
            assert named <= {label.strip() for label in grouped.split(",")}, panel["title"]


def test_every_alert_says_what_it_is_about() -> None:
    for rule in ALERTS["groups"][0]["rules"]:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_panels_have_places_of_their_own() -> None:
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]}

    assert len(places) == len(DASHBOARD["panels"])

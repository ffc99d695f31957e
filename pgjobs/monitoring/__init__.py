"""What a monitoring needs beside the metrics: a dashboard for Grafana, alert rules, a configuration of Prometheus."""

from __future__ import annotations

from pathlib import Path

FILES = {"grafana": "grafana.json", "alerts": "alerts.yml", "prometheus": "prometheus.yml"}


def text(name: str) -> str:
    """The file of this name, as it is."""
    return (Path(__file__).parent / FILES[name]).read_text()

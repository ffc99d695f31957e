"""The suite's servers: started once by the controlling process, handed to the workers by environment."""

import contextlib
import os
import secrets
import signal

import hypothesis
import pytest

from pgjobs.lab.memory import use_memory
from pgjobs.lab.process import ServicesError
from pgjobs.lab.services import running_services

pytest_plugins = [
    "fix_services", "fix_database", "fix_broker", "fix_web", "fix_jobs", "fix_roles", "fix_daemon", "fix_torture",
    "fix_agents", "fix_doctor", "fix_items", "fix_kept", "fix_receiver", "fix_celery", "fix_shop", "fix_directory",
    "fix_partner", "fix_operations",
    "fix_mailings", "fix_gateway", "fix_browser",
]  # fmt: skip
# Their failed assertions show the values, as those of a test do.
pytest.register_assert_rewrite(
    "game_world", "game_people", "game_daemons", "fix_claims", "fix_complete", "fix_rounds", "oracle"
)
# Drawn examples are the same in every run, and a busy machine is no fault of a test; PGJOBS_TEST_LONG=1 draws new ones.
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    derandomize=not os.environ.get("PGJOBS_TEST_LONG"),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("suite")

_servers = contextlib.ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background command ignores the one, nohup the other; so would every program that a test starts.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    use_memory()
    try:
        services = _servers.enter_context(running_services(fsync=False))
    except ServicesError as error:
        raise pytest.UsageError(f"{error}; {error.hint}") from error
    os.environ["PGJOBS_TEST_DATABASE_URL"] = services.database_url
    os.environ["PGJOBS_TEST_AMQP_URL"] = services.amqp_url
    # Names made by this session differ from those of another one on the same servers.
    os.environ["PGJOBS_TEST_SESSION"] = secrets.token_hex(4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin every worker's share of the suite with its share of the long tests."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    cuts = [len(short) * number // workers for number in range(workers + 1)]
    items[:] = [item for n in range(workers) for item in (*long[n::workers], *short[cuts[n] : cuts[n + 1]])]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _servers.close()

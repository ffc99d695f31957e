"""Fixtures: agents in threads of the test or as processes, the queues they work on, and what they answer."""

import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from fix_broker import Drain
from fix_services import soon
from pika import BasicProperties

import pgjobs
from pgjobs.agents import Agent, Item, Result
from pgjobs.lab.services import Services

DEATH = ("setpriv", "--pdeathsig=KILL", "--")
Handler = Callable[[Item], Result | None]


@dataclass(frozen=True)
class Answer:
    """What an agent has sent about an item."""

    id: str
    body: dict[str, Any]
    properties: BasicProperties

    @property
    def said(self) -> tuple[str, str, str]:
        """Status, result and description."""
        return self.body["status"], self.body.get("result", ""), self.body.get("description", "")


class AgentQueues:
    """A queue of work and one of replies, whoever feeds the one and reads the other, and agents between them."""

    def __init__(self, amqp_url: str, folder: Path) -> None:
        self.amqp_url = amqp_url
        self.folder = folder
        name = f"pgjobs-agents-{uuid.uuid4().hex[:12]}"
        self.work, self.replies, self.dead = f"{name}-work", f"{name}-replies", f"{name}-dead"
        self.answers: list[Answer] = []
        self.beats: list[dict[str, Any]] = []
        """What was read from the queue of replies so far."""
        self._agents: list[tuple[Agent, threading.Thread]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._broker = Drain(amqp_url)

    def __enter__(self) -> Self:
        letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.dead}
        self._broker.channel.queue_declare(self.work, durable=True, arguments=letters)
        self.declare(self.replies)
        self.declare(self.dead)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for agent, thread in self._agents:
            agent.stop()
            agent.stop()
            thread.join(60)
        for queue in (self.work, self.replies, self.dead):
            self._broker.channel.queue_delete(queue)
        self._broker.close()

    # --- queues ----------------------------------------------------------------------------------------

    def declare(self, queue: str, **arguments: object) -> None:
        """Make a queue; arguments without their x- and with underscores."""
        named = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
        self._broker.channel.queue_declare(queue, durable=True, arguments=named)

    def delete(self, queue: str) -> None:
        """Remove a queue."""
        self._broker.channel.queue_delete(queue)

    def depth(self, queue: str) -> int:
        """Count the messages that are ready: neither taken by an agent nor acknowledged."""
        return self._broker.depth(queue)

    def consumers(self) -> int:
        """Count the agents that take messages."""
        return int(self._broker.channel.queue_declare(self.work, passive=True).method.consumer_count)

    def send(self, *keys: int, body: bytes = b"{}", attempt: int = 1, job: int = 12, **properties: Any) -> None:
        """A message for each of these items, as the engine sends it."""
        for key in keys:
            usual: dict[str, Any] = {
                "message_id": f"{job}-{key}-{attempt}",
                "correlation_id": f"{job}-{key}",
                "reply_to": self.replies,
                "type": "Unit",
                "delivery_mode": 2,
            }
            self._broker.channel.basic_publish("", self.work, body, BasicProperties(**usual | properties))

    # --- agents ----------------------------------------------------------------------------------------

    def agent(self, handler: Handler, name: str = "one", *, url: str = "", **options: Any) -> Agent:
        """An agent of type Unit that has not begun."""
        made = Agent(url or self.amqp_url, name, reply_queue=self.replies, **options)
        made.handles("Unit", queue=self.work)(handler)
        return made

    def run(self, agent: Agent) -> threading.Thread:
        """Let an agent run in a thread of its own."""
        thread = threading.Thread(target=agent.run, name="agent", daemon=True)
        self._agents.append((agent, thread))
        thread.start()
        return thread

    def start(self, handler: Handler, name: str = "one", **options: Any) -> Agent:
        """An agent that takes messages."""
        before = self.consumers()
        agent = self.agent(handler, name, **options)
        self.run(agent)
        assert soon(lambda: self.consumers() > before)
        return agent

    def process(self, script: str) -> subprocess.Popen[bytes]:
        """A process of its own that runs a script, where url, work and replies stand for these queues, until it takes
        messages."""
        before = self.consumers()
        path = self.folder / f"agent-{len(self._processes)}.py"
        known = "".join(f"{name} = {getattr(self, name)!r}\n" for name in ("amqp_url", "work", "replies"))
        path.write_text(known + script)
        home = Path(pgjobs.__file__).parents[1]
        process = subprocess.Popen([*DEATH, sys.executable, str(path)], env={"PYTHONPATH": str(home)}, cwd=self.folder)
        self._processes.append(process)
        assert soon(lambda: self.consumers() > before)
        return process

    # --- what they say ---------------------------------------------------------------------------------

    def read(self) -> None:
        """Take what lies in the queue of replies."""
        for properties, body in self._broker.read(self.replies):
            if properties.type == "agent":
                self.beats.append(json.loads(body))
            else:
                self.answers.append(Answer(properties.correlation_id, json.loads(body), properties))

    def answered(self, number: int) -> list[Answer]:
        """So many answers, for which it waits."""

        def are_there() -> bool:
            self.read()
            return len(self.answers) >= number

        assert soon(are_there), self.answers
        return self.answers

    def has_beaten(self, wanted: Callable[[dict[str, Any]], bool]) -> bool:
        """Whether a beat like this comes."""

        def is_there() -> bool:
            self.read()
            return any(wanted(beat) for beat in self.beats)

        return soon(is_there)

    def is_empty(self) -> bool:
        """Whether nothing is left in the queue of work, not even unacknowledged: the agents have to have ended."""
        return self.consumers() == 0 and self.depth(self.work) == 0


@pytest.fixture
def agent_queues(services: Services, tmp_path: Path) -> Iterator[AgentQueues]:
    """Queues of the test's own, and no agent yet."""
    with AgentQueues(services.amqp_url, tmp_path) as made:
        yield made

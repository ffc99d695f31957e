"""The agent of pgjobs/agents/README.md is ten lines, and works as it stands there."""

import re
from pathlib import Path

from fix_agents import AgentQueues

import pgjobs

PAGE = (Path(pgjobs.__file__).parent / "agents" / "README.md").read_text()


def test_the_ten_lines_are_an_agent(agent_queues: AgentQueues) -> None:
    """The example has ten lines at most; with the address and queues of this test it answers a message with a step."""
    found = re.search(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    assert len([line for line in found[1].splitlines() if line]) <= 10
    script = found[1]
    for shown, own in (
        ('"amqp://agents:secret@mq/%2F"', "amqp_url"),
        ('"replies"', "replies"),
        ('"unit_queue"', "work"),
    ):
        assert shown in script
        script = script.replace(shown, own)
    agent_queues.process(script)
    agent_queues.send(1, body=b'{"target": "Ann"}')
    step, last = agent_queues.answered(2)
    assert ["looked up"] == [one["name"] for one in step.body["steps"]]
    assert ("good", "SUCCESSFUL", "done for Ann") == last.said
    assert "unit-1" == last.body["agent"]

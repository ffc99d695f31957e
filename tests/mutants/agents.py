"""Mutants of the kit for consumers: what is acknowledged when, and what a beat says."""

from __future__ import annotations

from mutants.table import Edit, Mutant

SESSION, LINK = "pgjobs/agents/session.py", "pgjobs/agents/link.py"
TROUBLES, ENDING = "tests/agents/test_agent_troubles.py", "tests/agents/test_ending.py"
AGENTS = (
    Mutant(
        "m-agent-early",
        "an agent acknowledges a message after it has answered it",
        (
            Edit(
                SESSION,
                "if await self._deliver(held, answer):\n            self._link.acknowledge(held.delivery_tag)\n",
                "self._link.acknowledge(held.delivery_tag)\n        await self._deliver(held, answer)\n",
            ),
        ),
        (f"{TROUBLES}::test_a_queue_of_replies_that_is_missing",),
    ),
    Mutant(
        "m-agent-returned",
        "an answer that came back has not been delivered",
        (Edit(LINK, "self._returned.pop(tag, refused)", "refused"),),
        (f"{TROUBLES}::test_a_queue_of_replies_that_is_missing",),
    ),
    Mutant(
        "m-agent-leaving",
        "the last beat of an agent says that it leaves",
        (Edit(SESSION, '"leaving": leaving,', '"leaving": False,'),),
        (f"{ENDING}::test_an_agent_that_is_asked_to_end_finishes_what_it_has_begun",),
    ),
    Mutant(
        "m-gateway-trouble",
        "a gateway that works again is no trouble any more",
        (
            Edit(
                "pgjobs/agents/gateway.py",
                'self.trouble = "" if works else',
                "self.trouble = self.trouble if works else",
            ),
        ),
        ("tests/agents/test_gateway.py::test_one_call_at_a_time_while_the_gateway_fails",),
    ),
    Mutant(
        "m-agent-lives",
        "an agent that leaves does not live",
        (Edit("sql/views/agent_status.sql", " and not a.leaving, false)", ", false)"),),
        ("tests/sql/test_agents.py::test_a_beat_says_who_lives",),
    ),
    Mutant(
        "m-agent-text",
        "a message whose ids are no text costs an agent nothing",
        (Edit("pgjobs/agents/item.py", "if isinstance(id_of_message, str) else None", "if id_of_message else None"),),
        ("tests/agents/test_answering.py::test_a_message_that_is_about_no_item",),
    ),
)

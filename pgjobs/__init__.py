"""pgjobs: a bulk job engine that lives in PostgreSQL.

A row of ``xmp_jobs`` says what to do, SQL functions choose the records, a thin daemon streams them to
RabbitMQ, confirmed and checkpointed, and writes one log line per record.
"""

__version__ = "0.1.0"
COMPATIBLE_FROM = "0.1.0"
"""The oldest version of daemon, web and commands that works with the functions of sql/; see sql/README.md, Versions."""

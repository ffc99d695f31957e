"""Addresses of databases: read as libpq reads them, refused with a sentence, and never shown with a secret."""

import pytest

from pgjobs.pg.connection import check_url, redacted

USABLE = [
    "postgresql://u:p@h:5432/db",
    "postgres://u:p@h/db",
    "postgresql://u:p@h1:5432,h2:5433/db?target_session_attrs=read-write",
    "postgresql://u:p%40ss%25@[::1]:5432/db?sslmode=verify-full",
    "postgresql:///db?host=/run/postgresql",
    "host=h1,h2 port=5432,5433 dbname=db user=u password='p q'",
    "host=h hostaddr=127.0.0.1 dbname=db",
    "dbname=db options='-c work_mem=64MB'",
    " postgresql://u:p@h/db\n",
    "postgresql://",
]
UNUSABLE = {
    "postgresql://u:s3cret%zz@h/db": "it can't be read (invalid percent-encoded token: ",
    "postgresql://u:s3@cret@h/db": "its host has an @ in it; in a user or password, % is written as %25, @ as %40",
    "postgresql://u:s3/cret@h/db": "its database has an @ in it",
    "postgresql://u/s3cret@h/db": "its database has an @ in it",
    "postgresql://u:p@h/db?s3cret=1": "it can't be read (invalid URI query parameter: ",
    "postgresql://u:p@h:s3cret/db": "its port is not a number",
    "postgresql://u:p@h:99999/db": "libpq refuses it: invalid port number",
    "postgresql://u:p@h/db?sslmode=s3cret": "libpq refuses it: invalid sslmode value",
    "postgresql://u:p@h/db?connect_timeout=s3cret": "its connect_timeout is not a number",
    "postgresql://u:p@h1,h2/db?port=1,2,3": "libpq refuses it: could not match 3 port numbers to 2 hosts",
    "mysql://u:s3cret@h/db": "it can't be read (missing ",
    "s3cret": "it looks like postgresql://user:password@host:port/database",
    "host='s3cret": "unterminated quoted string",
    "service=s3cret": "libpq refuses it: definition of service ",
    "host=\udcff": "it is not UTF-8",
}


@pytest.mark.parametrize("url", USABLE)
def test_what_libpq_reads_is_accepted(url: str) -> None:
    """Several hosts, key=value pairs, sockets and blanks around them: all that libpq could use is accepted."""
    check_url(url)


@pytest.mark.parametrize("url", UNUSABLE)
def test_what_libpq_refuses_is_refused_without_its_secret(url: str) -> None:
    """One sentence names what is wrong, and neither it nor its cause holds what may be a part of the password."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its words are compared below
        check_url(url)
    assert UNUSABLE[url] in str(caught.value)
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cret" not in str(error)
        assert "cret" not in str(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("url", [*USABLE, *UNUSABLE, "host=h password='s3 cret' sslpassword=s3cret"])
def test_an_address_is_shown_without_its_secrets(url: str) -> None:
    """What people see of an address never holds a password, readable or not."""
    parts = redacted(url).split()
    assert not [part for part in parts if part.startswith(("password", "sslpassword"))]
    if url.startswith("postgresql://u:s3"):
        assert "cret" not in redacted(url)


def test_an_address_is_shown_with_what_helps() -> None:
    """Hosts, ports, database and user stay readable."""
    assert "user=u dbname=db host=h1,h2 port=1,2" == redacted("postgresql://u:p@h1:1,h2:2/db")

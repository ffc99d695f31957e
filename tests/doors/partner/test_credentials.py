"""Who may call the partner door, and from which pages."""

import base64
import logging

import pytest
from fix_partner import ORIGIN, SUBSCRIPTION, Gateway, Partner
from fix_web import Web

from pgjobs.errors import SettingsError
from pgjobs.settings import read_settings
from pgjobs.web.app import create_app

NOWHERE = "7ab6f316-39bb-4d02-92aa-c9cfd8eeeb11"
STATUS = f"/pig/1.0/partner/exec/{NOWHERE}/status"
SUBMIT = f"/pig/2.0/sub/{SUBSCRIPTION}/partner/exec/cinx/json-rfq-import?body=json"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_each_way_to_show_a_token_is_taken(gateway: Gateway, partner: Partner) -> None:
    """HTTP Basic with name and token, Authorization: Bearer, the header named Bearer, and both at once."""
    for headers in (
        {"Authorization": basic(partner.name, partner.token)},
        {"Authorization": f"Bearer {partner.token}"},
        {"Authorization": f"bearer   {partner.token} "},
        {"Bearer": partner.token},
        {"Bearer": partner.token, "Authorization": basic(partner.name, partner.token)},
    ):
        assert 200 == gateway.web.get(STATUS, headers=headers).status_code


def test_wrong_credentials_are_all_alike(gateway: Gateway, partner: Partner) -> None:
    """Whatever is wrong, the answer is the same but for its times: 401, in the envelope as well."""
    other = gateway.partner("other")
    gateway.engine.execute(
        "insert into pgjobs.tokens (name, sha256, scopes, created_at, expires_at)"
        " select 'late', sha256('late'), '{control}', now(), now() - interval '1 day'"
    )
    wrong: list[dict[str, str] | list[tuple[str, str]]] = [
        {},
        {"Authorization": basic(partner.name, "wrong")},
        {"Authorization": basic("nobody", "wrong")},
        {"Authorization": basic("nobody", partner.token)},
        {"Authorization": basic(partner.name, "")},
        {"Authorization": basic("", partner.token)},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer late"},
        {"Authorization": f"Digest {partner.token}"},
        {"Authorization": partner.token},
        {"Bearer": ""},
        {"Bearer": "wrong", "Authorization": basic(partner.name, partner.token)},
        {"Bearer": other.token, "Authorization": basic(partner.name, partner.token)},
        [("Authorization", f"Bearer {partner.token}"), ("Authorization", f"Bearer {other.token}")],
    ]
    said = set()
    for headers in wrong:
        answer = gateway.web.get(STATUS, headers=headers)
        assert (401, 401, []) == (answer.status_code, answer.json()["response"]["status_code"], answer.json()["rows"])
        assert answer.headers["www-authenticate"].startswith("Basic ")
        said.add(answer.json()["response"]["message"])
        assert 401 == gateway.web.post(SUBMIT, headers=headers, content=b"{}").status_code
    assert 1 == len(said)
    assert 0 == gateway.engine.value("select count(*) from xmp_jobs")


@pytest.mark.parametrize(
    "path", ["/pig/2.0/nowhere", "/pig/", "/pig", STATUS, "/pig/2.0/sub/x/template/req", "/pig/2.0/subs"]
)
def test_without_credentials_nobody_explores_paths(gateway: Gateway, path: str) -> None:
    """A path that there is and one that there is not ask for credentials alike."""
    assert 401 == gateway.web.get(path).status_code


def test_the_log_does_not_show_a_subscription(partner: Partner, caplog: pytest.LogCaptureFixture) -> None:
    """What stands behind sub/ may be somebody's secret: a line of the log shows who called, and the path without it."""
    caplog.set_level(logging.DEBUG, "pgjobs")
    partner.submit("json-rfq-import", {})
    partner.call("GET", f"/1.0/sub/{SUBSCRIPTION}/partner/exec/{NOWHERE}/status")
    said = "\n".join(caplog.messages)
    assert f"by token {partner.name}" in said
    assert "/partner/exec/cinx/json-rfq-import" in said
    assert SUBSCRIPTION not in said
    assert partner.token not in said


# --- pages -------------------------------------------------------------------------------------------------


def preflight(web: Web, origin: str, method: str) -> dict[str, str]:
    """What a browser is told that asks whether a page may send this."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    answer = web.call("OPTIONS", SUBMIT, headers=headers)
    assert (200, b"") == (answer.status_code, answer.content)
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_page_of_a_known_origin_may_call(gateway: Gateway, method: str) -> None:
    """The question before a call needs no credentials, and names what the public client sends."""
    told = preflight(gateway.web, ORIGIN, method)
    assert (ORIGIN, "true") == (told["access-control-allow-origin"], told["access-control-allow-credentials"])
    assert method in told["access-control-allow-methods"].split(", ")
    assert {"authorization", "bearer", "content-type"} < set(told["access-control-allow-headers"].lower().split(", "))


@pytest.mark.parametrize("origin", ["https://evil.example.com", "http://app.example.com", "null", f"{ORIGIN}:8443"])
def test_a_page_of_another_origin_may_not(gateway: Gateway, partner: Partner, origin: str) -> None:
    """Neither the question nor an answer lets a page of another origin in."""
    assert {} == preflight(gateway.web, origin, "POST")
    answer = partner.call("GET", f"/1.0/partner/exec/{NOWHERE}/status", headers={"Origin": origin})
    assert not any(name.startswith("access-control-") for name in answer.headers)
    assert "Origin" == answer.headers["vary"]


def test_a_page_reads_every_answer(gateway: Gateway, partner: Partner) -> None:
    """Rows, refusals, wrong credentials and unknown paths: a known origin may read all of them."""
    page = {"Origin": ORIGIN}
    for answer in (
        gateway.web.get("/pig/2.0/ping", headers=page),
        gateway.web.get(STATUS, headers=page),
        partner.call("GET", f"/1.0/partner/exec/{NOWHERE}/status", headers=page),
        partner.call("GET", "/2.0/nowhere", headers=page),
        partner.call("DELETE", "/2.0/ping", headers=page),
    ):
        assert (ORIGIN, "true") == (
            answer.headers["access-control-allow-origin"],
            answer.headers["access-control-allow-credentials"],
        )


def test_other_doors_know_no_origin(gateway: Gateway) -> None:
    """The setting is about this door alone."""
    assert "access-control-allow-origin" not in gateway.web.get("/healthz", headers={"Origin": ORIGIN}).headers


@pytest.mark.parametrize(("origin", "status"), [(ORIGIN, 200), ("https://evil.example.com", 403)])
def test_without_tokens_known_origins_alone_submit(web_url: str, origin: str, status: int) -> None:
    """Where no token is asked for, a page of another site may change nothing, unless its origin is configured."""
    with Web(read_settings(database_url=web_url, partner_origins=ORIGIN)) as web:
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        answer = web.post(SUBMIT, headers=headers, content=b"{}")
        code = answer.json()["response"]["status_code"]
        assert (200, {200: 404}.get(status, status)) == (answer.status_code, code)


def test_without_tokens_everybody_sees_everything(web_url: str, gateway: Gateway) -> None:
    """Where no token is asked for, credentials that are sent all the same do not matter."""
    gateway.engine.add_job("expired")
    guid = gateway.engine.value("select guid::text from xmp_jobs")
    with Web(read_settings(database_url=web_url)) as web:
        path = f"/pig/1.0/partner/exec/{guid}/status"
        answer = web.get(path, headers={"Authorization": basic("a", "b")})
        assert "expired" == answer.json()["rows"][0]["app"]


# --- settings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origins",
    ["*", "app.example.com", "https://app.example.com/", "https://app.example.com/x", "ftp://a", "https://a b", "null"],
)
def test_what_is_no_origin_is_refused(origins: str) -> None:
    """An origin is a scheme, a host, and a port where it is another one; every origin is none."""
    with pytest.raises(SettingsError, match="PGJOBS_PARTNER_ORIGINS"):
        read_settings(partner_origins=origins)


def test_origins_are_a_list() -> None:
    """Several are separated by commas, in any spelling of their letters."""
    given = read_settings(partner_origins=" https://App.example.com, http://[::1]:8080 ,")
    assert "https://app.example.com,http://[::1]:8080" == given.partner_origins


@pytest.mark.parametrize("prefix", ["", "/", "pig", "/pig/", "/a b", "/a//b", "/é", "/{x}", "/a/../b"])
def test_what_is_no_prefix_is_refused(prefix: str) -> None:
    """The door lies below a path of its own."""
    with pytest.raises(SettingsError, match="PGJOBS_PARTNER_PREFIX"):
        read_settings(partner_prefix=prefix)


@pytest.mark.parametrize("prefix", ["/jobs", "/api", "/metrics"])
def test_a_prefix_hides_no_other_path(prefix: str) -> None:
    """A prefix that another door has paths at is refused when the service starts."""
    with pytest.raises(SettingsError, match="PGJOBS_PARTNER_PREFIX"):
        create_app(read_settings(partner_prefix=prefix))


def test_the_door_may_lie_elsewhere(web_url: str) -> None:
    """The prefix is a setting, and the uri of a failure begins behind it and the version."""
    with Web(read_settings(database_url=web_url, partner_prefix="/gate/v1")) as web:
        assert 200 == web.get("/gate/v1/2.0/ping").status_code
        answer = web.get(f"/gate/v1/1.0/partner/exec/{NOWHERE}/status")
        assert f"partner/exec/{NOWHERE}/status" == answer.json()["response"]["uri"]
        assert 404 == web.get("/pig/2.0/ping").status_code

"""Signatures of callbacks: those of Standard Webhooks, one for each secret."""

import base64
import hashlib
import hmac

import pytest

from pgjobs.errors import SettingsError
from pgjobs.settings import read_settings
from pgjobs.signatures import secrets_of, signed

ONE, OTHER = b"1" * 24, b"2" * 64


def setting(*secrets: bytes) -> str:
    """These secrets as PGJOBS_CALLBACK_SECRET has them."""
    return ", ".join("whsec_" + base64.b64encode(secret).decode() for secret in secrets)


def test_a_signature_is_that_of_id_time_and_body() -> None:
    """An HMAC-SHA256 with the decoded secret over id.timestamp.body, in base64, behind its version."""
    headers = signed("12:7", b'{"job": 1}', secrets_of(setting(ONE)), 1731705121)
    expected = base64.b64encode(hmac.new(ONE, b'12:7.1731705121.{"job": 1}', hashlib.sha256).digest()).decode()
    assert {
        "webhook-id": "12:7",
        "webhook-timestamp": "1731705121",
        "webhook-signature": f"v1,{expected}",
    } == headers


def test_each_secret_has_a_signature() -> None:
    """While a secret is changed a receiver may know either; without one the message is not signed."""
    both = signed("a", b"", secrets_of(setting(ONE, OTHER)), 1)["webhook-signature"].split(" ")
    alone = [signed("a", b"", secrets_of(setting(secret)), 1)["webhook-signature"] for secret in (ONE, OTHER)]
    assert alone == both
    assert "webhook-signature" not in signed("a", b"", secrets_of(""), 1)


@pytest.mark.parametrize(
    "text", ["secret", "whsec_", "whsec_c2hvcnQ=", "whsec_*", f"{setting(ONE)},", setting(b"1" * 65)]
)
def test_what_is_no_secret_is_refused_and_not_shown(text: str) -> None:
    """The sentence says how to make one, and shows nothing of what was set."""
    with pytest.raises(ValueError, match="whsec_ and 24 to 64 bytes in base64") as caught:
        secrets_of(text)
    assert "c2hvcnQ" not in str(caught.value)


def test_a_wrong_setting_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence about a secret that is none names the setting, and shows nothing of its value."""
    monkeypatch.setenv("PGJOBS_CALLBACK_SECRET", "whsec_c2hvcnQ=")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value).startswith("PGJOBS_CALLBACK_SECRET: a secret is whsec_")
    assert "c2hvcnQ" not in str(caught.value)

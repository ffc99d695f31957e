"""Signatures of what is posted to callback addresses, as Standard Webhooks (standardwebhooks.com) has them.

A receiver that knows the secret can tell that a message is from pgjobs, whole, and not sent again by somebody else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def secrets_of(text: str) -> list[bytes]:
    """The secrets that a setting names, separated by commas; ValueError with a sentence that shows none of them."""
    return [_secret(one.strip()) for one in text.split(",")] if text else []


def check_secrets(text: str) -> str:
    """The same text, if it names secrets or is empty."""
    secrets_of(text)
    return text


def signed(message_id: str, body: bytes, secrets: Sequence[bytes], at: int) -> dict[str, str]:
    """The headers of a message that is sent at this second: one signature for each secret, none without secrets."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(at)}
    if secrets:
        signatures = [hmac.digest(secret, f"{message_id}.{at}.".encode() + body, hashlib.sha256) for secret in secrets]
        headers["webhook-signature"] = " ".join("v1," + base64.b64encode(one).decode() for one in signatures)
    return headers


def _secret(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    # Raised outside of the handler: the cause would show what the sentence hides.
    if not text.startswith(PREFIX) or not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(
            f"a secret is {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64;"
            ' make one with: echo "whsec_$(head -c 32 /dev/urandom | base64)"'
        )
    return secret

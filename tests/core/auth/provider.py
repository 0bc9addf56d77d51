"""An identity provider for tests: real keys, real tokens, and a real server on the loopback that gives its JWKS."""

from __future__ import annotations

import base64
import functools
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import Key, generate_key
from joserfc.jws import JWSRegistry

ISSUER = "https://login.example.com/tenant"
AUDIENCE = "nexus-test"
NOW = 1_800_000_000.0


@functools.cache
def key(name: str, kind: str = "EC") -> Key:
    """A key pair by name; the same for all tests of a process."""
    size: Any = {"EC": "P-256", "RSA": 2048, "OKP": "Ed25519"}[kind]
    made: Key = generate_key(kind, size, {"kid": name})  # type: ignore[call-overload]
    return made


def jwks(*keys: Key, **more: Any) -> dict[str, Any]:
    """The JWKS of some keys."""
    return {"keys": [{**each.as_dict(private=False), **more} for each in keys]}


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(payload: bytes, header: dict[str, Any], by: Key, algorithm: str | None = None) -> str:
    """A token of any header and payload, signed truly by ``algorithm`` (the header's own by default)."""
    start = f"{b64(json.dumps(header).encode())}.{b64(payload)}"
    method = JWSRegistry.algorithms[algorithm or header["alg"]]
    return f"{start}.{b64(method.sign(start.encode(), by))}"


def claims(now: float = NOW, **changed: Any) -> dict[str, Any]:
    """Good claims with some changed; ``...`` leaves one out."""
    given = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "scope": "openid nexus:run", "iat": now, "exp": now + 300,
        **changed,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not ...}


def token(
    by: Key | None = None, *, now: float = NOW, header: dict[str, Any] | None = None, algorithm: str = "ES256",
    **changed: Any,
) -> str:  # fmt: skip
    """A good token with some claims or members of the header changed."""
    signer = by or key("one")
    head = {"alg": algorithm, "typ": "at+jwt", "kid": signer.kid, **(header or {})}
    head = {name: value for name, value in head.items() if value is not ...}
    return signed(json.dumps(claims(now, **changed)).encode(), head, signer, algorithm)


def settings(jwks_at: str, **more: Any) -> dict[str, Any]:
    """The settings that let such tokens in."""
    return {
        "store": "memory://", "enable_auth": True, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_jwks": jwks_at,
        **more,
    }  # fmt: skip


class Provider:
    """What the server answers, and how often it was asked."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()
        self.url = ""

    def publish(self, *keys: Key) -> None:
        """Give these keys from now on."""
        self.status, self.body = 200, json.dumps(jwks(*keys)).encode()


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Provider]:
    """A provider on the loopback, over TLS where there is a certificate."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked += 1
            provider.gate.wait(30)
            self.send_response(provider.status)
            for name, value in provider.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(provider.body)))
            self.end_headers()
            self.wfile.write(provider.body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    provider.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_address[1]}/jwks"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="provider")
    thread.start()
    try:
        yield provider
    finally:
        provider.gate.set()
        server.shutdown()
        server.server_close()
        thread.join(30)


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file, which is also what to trust."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.fromtimestamp(time.time(), UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    path = folder / "provider.pem"
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path

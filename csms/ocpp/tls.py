"""TLS that this server ends itself, and what a proxy in front tells of the TLS that it has ended.

Whoever ends TLS, a request's environ holds under PEER the charger's certificate (DER) if it showed one whose path is
verified, and under TRANSPORT what it was carried over. Neither can come from a header of somebody who is no proxy.
"""

import base64
import binascii
import logging
import ssl
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gevent
import gevent.pywsgi
import gevent.ssl
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from csms.domain import security
from csms.domain.base import Invalid
from csms.sentences import told

log = logging.getLogger(__name__)

PEER, TRANSPORT = "amberline.peer_certificate", "amberline.transport"
HANDSHAKE_S = 10.0

# The four that whitepaper A00.FR.317 asks for, the same with an RSA signature, and what TLS 1.3 brings by itself.
# Those without forward secrecy come last: they are for chargers that know no others.
SUITES = (
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256"
)
# What a proxy tells, and nobody else may.
_TOLD = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
)
_CERTIFICATE = "HTTP_X_SSL_CLIENT_CERT"


def context(
    pairs: Sequence[tuple[str, str | None]], authorities: str, more_authorities: str | None
) -> gevent.ssl.SSLContext:
    """TLS 1.2 and newer, without compression. `pairs` are files of certificate and key, one of each kind of key.

    A client's certificate is asked for and not needed here: which charger needs one is decided when it has said who it
    is. One that is shown must be of `authorities` (PEM) or of those in the file `more_authorities`. Raises OSError.
    """
    made = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    made.set_ciphers(SUITES)
    for certificate, key in pairs:
        made.load_cert_chain(certificate, key)
    made.load_verify_locations(more_authorities, cadata=authorities)
    made.verify_mode = ssl.CERT_OPTIONAL
    return made


class TlsServer(gevent.pywsgi.WSGIServer):  # type: ignore[misc]
    """pywsgi's server with a deadline for the TLS handshake, which tells of those that fail."""

    def __init__(self, *args: Any, on_failure: Callable[[str, str], None], **more: Any) -> None:
        super().__init__(*args, **more)
        self._on_failure = on_failure

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> Any:
        wrapped = None
        try:
            with gevent.Timeout(HANDSHAKE_S):
                wrapped = self.wrap_socket(client_socket, **self.ssl_args)
        except (gevent.Timeout, OSError, ValueError) as error:
            client_socket.close()
            if reason := _worth_telling(error):
                self._on_failure(str(address[0]), reason)
            return None
        try:
            return self.handle(wrapped, address)
        finally:
            wrapped.close()


def _worth_telling(error: BaseException) -> str | None:
    """What went wrong, if it may be a charger's: not a port scan, a health check or a line that broke."""
    if not isinstance(error, ssl.SSLError):
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return told("The certificate that it showed is not accepted: %(why)s.", why=error.verify_message)
    return {
        "UNSUPPORTED_PROTOCOL": told("It knows no TLS newer than 1.1."),
        "NO_SHARED_CIPHER": told("It knows none of the cipher suites."),
        "PEER_DID_NOT_RETURN_A_CERTIFICATE": told("It showed no certificate."),
        "TLSV1_ALERT_UNKNOWN_CA": told("It does not know who signed the server's certificate."),
        "SSLV3_ALERT_BAD_CERTIFICATE": told("It does not accept the server's certificate."),
        "SSLV3_ALERT_CERTIFICATE_EXPIRED": told("It takes the server's certificate for expired."),
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN": told("It does not accept the server's certificate."),
    }.get(error.reason or "")


def describe(
    environ: dict[str, Any],
    sock: Any,
    peer: str,
    proxies: Container[str],
    authorities: Sequence[x509.Certificate],
) -> None:
    """Put what the connection itself shows, or a proxy in `proxies` tells, into the environ; strip all that is claimed.

    Without any `proxies` what was told of addresses is left to whoever counts proxies; a certificate is not.
    """
    forwarded = environ.pop(_CERTIFICATE, None)
    is_proxy = peer in proxies
    if proxies and not is_proxy:
        for name in _TOLD:
            environ.pop(name, None)
    if isinstance(sock, gevent.ssl.SSLSocket) and not is_proxy:
        environ[PEER] = sock.getpeercert(binary_form=True)
        cipher = sock.cipher()
        environ[TRANSPORT] = f"{sock.version()}, {cipher[0] if cipher else 'no cipher'}"
    elif is_proxy and forwarded:
        environ[PEER] = _verified(forwarded, authorities)


def _verified(forwarded: str, authorities: Sequence[x509.Certificate]) -> bytes | None:
    """The certificate in a proxy's header (PEM in percent-encoding, or DER in base64), if one of ours signed it.

    The proxy may have verified it or not: the signature is looked at here in any case.
    """
    try:
        text = unquote(forwarded)
        found = security.load(text if "BEGIN" in text else base64.b64decode(text, validate=True))
    except (Invalid, ValueError, binascii.Error):
        log.warning("proxy_certificate_unreadable")
        return None
    if not any(security.has_signed(authority, found) for authority in authorities):
        log.warning("proxy_certificate_foreign", extra={"subject": found.subject.rfc4514_string()[:120]})
        return None
    return found.public_bytes(Encoding.DER)


def read_authorities(path: str) -> list[x509.Certificate]:
    """All certificates of a PEM file; none for "". Raises OSError, ValueError."""
    if not path:
        return []
    return x509.load_pem_x509_certificates(Path(path).read_bytes())

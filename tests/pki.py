"""Keys and certificates for tests: a server's, an authority's, and what chargers show of themselves."""

from __future__ import annotations

import functools
import ssl
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from csms import clock
from csms.domain.security import authority
from csms.domain.security.authority import Authority

ORGANISATION = "Amberline"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same for all: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def authority_of(organisation: str = ORGANISATION) -> Authority:
    """A charger authority; another organisation, another authority."""
    made = _certificate(organisation, f"{organisation} CA", key := ec_key(), is_authority=True)
    return Authority(made, key)


@functools.cache
def rsa_authority() -> Authority:
    """One as the server makes it."""
    return authority.make(ORGANISATION, at=clock.now())


def csr(common_name: str, organisation: str = ORGANISATION, key: Key | None = None) -> str:
    """What a charger sends to have signed."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(organisation, common_name))
    return builder.sign(key or ec_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def charger_pem(
    directory: Path,
    common_name: str,
    organisation: str = ORGANISATION,
    *,
    by: Authority | None = None,
    at: datetime | None = None,
) -> Path:
    """A file with a charger's certificate and its key; `at` is when it was signed, for a year."""
    key = ec_key()
    request = x509.load_pem_x509_csr(csr(common_name, organisation, key).encode())
    signed = (by or authority_of()).sign(request, at=at or clock.now())
    path = directory / f"charger-{signed.serial_number}.pem"
    path.write_bytes(signed.pem.encode() + _private(key))
    return path


def server_files(directory: Path) -> dict[str, str]:
    """What a server needs for TLS, as settings: certificates of both kinds, its authority."""
    root = authority_of("Web Trust")
    files = {}
    for kind, key in (("rsa", rsa_key()), ("ecdsa", ec_key())):
        leaf = _certificate("Web Trust", "localhost", key, by=root, alternative="localhost")
        path = directory / f"server-{kind}.pem"
        path.write_bytes(leaf.public_bytes(Encoding.PEM) + _private(key))
        files[kind] = str(path)
    own = directory / "charger-authority.pem"
    own.write_bytes(authority_of().pem.encode() + _private(authority_of().key))
    return {"TLS_CERT": files["rsa"], "TLS_CERT_ECDSA": files["ecdsa"], "CA_FILE": str(own)}


def client_context(
    certificate: Path | None = None, ciphers: str | None = None, version: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    """How a charger speaks TLS: it trusts the server's authority, and may know one old version alone."""
    context = ssl.create_default_context(cadata=authority_of("Web Trust").pem)
    if certificate is not None:
        context.load_cert_chain(certificate)
    if ciphers is not None:
        context.set_ciphers(ciphers)
    if version is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    return context


def _certificate(
    organisation: str,
    common_name: str,
    key: Key,
    *,
    by: Authority | None = None,
    alternative: str | None = None,
    is_authority: bool = False,
) -> x509.Certificate:
    at, name = clock.now(), _name(organisation, common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.certificate.subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=700))
        .not_valid_after(at + timedelta(days=700))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if alternative is not None:
        names = x509.SubjectAlternativeName([x509.DNSName(alternative)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(by.key if by else key, hashes.SHA256())


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _private(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def escaped(pem: Path) -> str:
    """A file's certificate as nginx hands it on ($ssl_client_escaped_cert)."""
    return quote(x509.load_pem_x509_certificate(pem.read_bytes()).public_bytes(Encoding.PEM).decode())

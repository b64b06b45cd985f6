"""Our own certificate authority: it signs chargers' certificates, and chargers that have its certificate trust it.

One PEM file holds its certificate and its key. Every machine of an installation must have the same one.
"""

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from csms.domain.base import Invalid
from csms.domain.security.rules import Certificate, described, load

FILE_NAME = "authority.pem"
LIFETIME = timedelta(days=20 * 365)
CERTIFICATE_LIFETIME = timedelta(days=365)
BACKDATED = timedelta(hours=1)  # chargers' clocks differ
KEY_BITS = 3072

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Authority:
    """Who signs: a certificate and its key. With an RSA key the signature is SHA256withRSA, which all chargers know."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        """Its certificate, with LF at the ends of lines."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def sign(self, request: x509.CertificateSigningRequest, *, at: datetime) -> Certificate:
        """A charger's certificate (A00.FR.5xx): no subjectAltName, digital signature, client authentication."""
        expires_at = min(at + CERTIFICATE_LIFETIME, self.certificate.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self.certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - BACKDATED)
            .not_valid_after(expires_at)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(is_authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False)
            .add_extension(_key_identifier(self.certificate), critical=False)
        )
        return described(builder.sign(self.key, hashes.SHA256()))


def has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether `certificate` was signed by `issuer` itself, and `issuer` may sign."""
    try:
        certificate.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def read(text: bytes) -> Authority:
    """The authority of a PEM file. Raises Invalid."""
    certificate = load(text)
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError):
        raise Invalid("It holds no private key that can be read without a password.") from None
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise Invalid("Its key is neither RSA nor elliptic.")
    if key.public_key() != certificate.public_key():
        raise Invalid("Its key is not that of its first certificate.")
    return Authority(certificate, key)


def make(organization: str, *, at: datetime) -> Authority:
    """A new authority with a key of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{organization[:48]} Charger CA"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BACKDATED)
        .not_valid_after(at + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def kept(path: Path, organization: str, *, at: datetime) -> Authority:
    """The installation's own authority: made once, readable by its owner alone. Raises Invalid or OSError."""
    if not path.exists():
        _write(path, make(organization, at=at))
    if path.stat().st_mode & 0o077:
        raise Invalid("Others can read %(path)s: run chmod 600 %(path)s.", path=path)
    return read(path.read_bytes())


def _write(path: Path, authority: Authority) -> None:
    key = authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(authority.pem.encode() + key)
    # A link appears whole or not at all, and never replaces that of a process that was faster.
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_encipherment=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)

"""What certificates must be like (whitepaper §2.6), which events are critical (§8), and how certificates are named."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from csms.domain.base import Invalid

LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 224  # A00.FR.502, .503
LARGEST_CHAIN = 10_000  # characters (§7.3)
LARGEST_ROOT = 5500  # characters (§5.11)
HIGHEST_PROFILE: Final = 3

CRITICAL = frozenset(
    {
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
    }
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, as far as we look at it. Hashes and the serial number in lower-case hexadecimal."""

    pem: str
    common_name: str
    organization: str
    subject: str
    serial_number: str
    fingerprint: str
    not_before: datetime
    expires_at: datetime

    def is_valid(self, at: datetime) -> bool:
        return self.not_before <= at < self.expires_at


@dataclass(frozen=True, slots=True)
class CertificateName:
    """How OCPP names a certificate: after RFC 6960 §4.1.1, hashes and serial number in hexadecimal."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str

    @property
    def folded(self) -> tuple[str, str, str, str]:
        """The same for every spelling of the same certificate."""
        serial = self.serial_number.lower().lstrip("0")
        return (
            self.hash_algorithm.upper(),
            self.issuer_name_hash.lower(),
            self.issuer_key_hash.lower(),
            serial,
        )


def load(text: str | bytes) -> x509.Certificate:
    """The first certificate of a PEM text, or that of DER bytes. Raises Invalid."""
    try:
        if isinstance(text, bytes) and not text.lstrip().startswith(b"-----"):
            return x509.load_der_x509_certificate(text)
        return x509.load_pem_x509_certificate(text.encode() if isinstance(text, str) else text)
    except (ValueError, UnsupportedAlgorithm):
        raise Invalid("This is no certificate in PEM: it begins with -----BEGIN CERTIFICATE-----.") from None


def described(certificate: x509.Certificate) -> Certificate:
    return Certificate(
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        common_name=name_of(certificate.subject, NameOID.COMMON_NAME),
        organization=name_of(certificate.subject, NameOID.ORGANIZATION_NAME),
        subject=subject_of(certificate.subject),
        serial_number=f"{certificate.serial_number:x}",
        fingerprint=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        not_before=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )


def name_of(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    """The first value of a kind in a name; "" without one."""
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def subject_of(name: x509.Name) -> str:
    return name.rfc4514_string()[:255]


def request(csr: str, *, organization: str, names: frozenset[str]) -> x509.CertificateSigningRequest:
    """A charger's signing request, checked. `names`: what its certificate may be called, one of which it must ask for.

    Raises Invalid with what is wrong.
    """
    try:
        asked = x509.load_pem_x509_csr(csr.encode())
        is_signed = asked.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        raise Invalid("The request is no signing request in PEM.") from None
    if not is_signed:
        raise Invalid("The request is not signed with its own key.")
    _check_key(asked.public_key())
    given = name_of(asked.subject, NameOID.ORGANIZATION_NAME)
    if organization and given != organization:
        raise Invalid(
            "The organisation in the request is %(given)s; set CpoName to %(organization)s.",
            given=f"{given!r}",
            organization=f"{organization!r}",
        )
    common_name = name_of(asked.subject, NameOID.COMMON_NAME)
    if common_name not in names:
        raise Invalid(
            "The name in the request, %(common_name)s, is not the charger's serial number.",
            common_name=f"{common_name!r}",
        )
    return asked


def _check_key(key: object) -> None:
    """Raises Invalid for a key that is too short, or of a kind that OCPP does not know."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            raise Invalid(
                "The RSA key has %(key_size)s bits; %(least_rsa_bits)s are needed.",
                key_size=key.key_size,
                least_rsa_bits=LEAST_RSA_BITS,
            )
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < LEAST_EC_BITS:
            raise Invalid(
                "The elliptic key has %(key_size)s bits; %(least_ec_bits)s are needed.",
                key_size=key.key_size,
                least_ec_bits=LEAST_EC_BITS,
            )
    else:
        raise Invalid("The key is neither RSA nor elliptic.")


def name_of_root(root: x509.Certificate, algorithm: str = "SHA256") -> CertificateName:
    """How OCPP names a self-signed certificate."""
    return CertificateName(
        algorithm,
        hashlib.new(algorithm.lower(), root.issuer.public_bytes()).hexdigest(),
        hashlib.new(algorithm.lower(), _key_bits(root)).hexdigest(),
        f"{root.serial_number:x}",
    )


def names_of_root(root: x509.Certificate) -> frozenset[tuple[str, str, str, str]]:
    """The same, by each of OCPP's hash algorithms."""
    return frozenset(name_of_root(root, algorithm).folded for algorithm in ("SHA256", "SHA384", "SHA512"))


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The bits of the public key without their tag (RFC 6960: "excluding the tag and length fields")."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

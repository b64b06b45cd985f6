"""Certificates and security events of a simulated charger (security whitepaper A02, A05, M03 to M05).

What the orders change is plain data of the station; the charger's own thread does what needs the network.
"""

import contextlib
import hashlib
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from csms.simulator import v16
from csms.simulator.frames import Payload
from csms.simulator.station import ACCEPTED, Station

REJECTED = "Rejected"
CENTRAL_SYSTEM = "CentralSystemRootCertificate"
USES = (CENTRAL_SYSTEM, "ManufacturerRootCertificate")

Work = Callable[[], None]
Reply = tuple[Payload, Work | None]


@dataclass
class Security:
    """`ask` sends a CALL from the charger's thread; `rejoin` leaves, and dials again."""

    identity: str
    station: Station
    is_secure: bool
    ask: Callable[[str, Payload], Payload | None]
    rejoin: Work
    roots: list[tuple[str, x509.Certificate]] = field(default_factory=list)
    _key: ec.EllipticCurvePrivateKey | None = None
    _own: tuple[ec.EllipticCurvePrivateKey, str] | None = None

    @property
    def handlers(self) -> dict[str, Callable[[Payload], Reply]]:
        """How the orders are answered."""
        return {
            "CertificateSigned": self._certificate_signed,
            "DeleteCertificate": self._delete_certificate,
            "GetInstalledCertificateIds": self._get_installed_certificate_ids,
            "InstallCertificate": self._install_certificate,
        }

    @property
    def profile(self) -> int:
        return self.station.configuration.number("SecurityProfile")

    @property
    def shows_certificate(self) -> bool:
        """Whitepaper §2.5: then there is no password."""
        return self.profile == 3 and self._own is not None

    def may_rise_to(self, profile: int) -> bool:
        """A05.FR.01 to .04. Without TLS in its address it cannot be had at all."""
        has_root = any(use == CENTRAL_SYSTEM for use, _ in self.roots)
        wants_key, wants_root = profile in (1, 2), profile in (2, 3)
        return (
            profile > self.profile
            and not (wants_key and not self.station.configuration.text("AuthorizationKey"))
            and not (wants_root and not (has_root and self.is_secure))
            and not (profile == 3 and self._own is None)
        )

    def tls(self) -> ssl.SSLContext:
        """What it dials with: it trusts what it was given, and shows its own certificate where it must."""
        context = ssl.create_default_context()
        for use, root in self.roots:
            if use == CENTRAL_SYSTEM:
                context.load_verify_locations(cadata=root.public_bytes(Encoding.PEM).decode())
        if self.profile == 3 and self._own is not None:
            key, chain = self._own
            secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
            with tempfile.TemporaryDirectory() as directory:  # the ssl module reads files alone
                file = Path(directory) / "charger.pem"
                file.write_text(secret + chain)
                context.load_cert_chain(file)
        return context

    def sign(self) -> None:
        """A02: a new key, and the request to have it signed."""
        serial = self.station.options.serial or self.identity
        names = [x509.NameAttribute(NameOID.COMMON_NAME, serial[:64])]
        if operator := self.station.configuration.text("CpoName"):
            names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, operator[:64]))
        self._key = ec.generate_private_key(ec.SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
        csr = request.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        self.ask("SignCertificate", {"csr": csr})

    def report(self, kind: str, info: str = "") -> None:
        """An event of its own security (whitepaper §8)."""
        payload = {"type": kind, "timestamp": v16.timestamp(self.station.clock.now())}
        self.ask("SecurityEventNotification", payload | ({"techInfo": info[:255]} if info else {}))

    def _certificate_signed(self, request: Payload) -> Reply:
        chain, key = str(request["certificateChain"]), self._key
        certificate = _read(chain)
        if certificate is None or key is None or not _is_of(certificate, key, self.station.clock.now()):
            return {"status": REJECTED}, partial(self.report, "InvalidChargePointCertificate")
        self._own, self._key = (key, chain), None
        return {"status": ACCEPTED}, self.rejoin if self.profile == 3 else None

    def _install_certificate(self, request: Payload) -> Reply:
        use, certificate = str(request["certificateType"]), _read(str(request["certificate"]))
        if use not in USES or certificate is None:
            return {"status": REJECTED}, None
        if len(self.roots) >= self.station.configuration.number("CertificateStoreMaxLength"):
            return {"status": "Failed"}, None
        if (use, certificate) not in self.roots:
            self.roots.append((use, certificate))
        return {"status": ACCEPTED}, None

    def _delete_certificate(self, request: Payload) -> Reply:
        meant = {name: str(value).lower() for name, value in request["certificateHashData"].items()}
        algorithm = str(request["certificateHashData"]["hashAlgorithm"])
        for known in self.roots:
            named = {name: value.lower() for name, value in hash_data(known[1], algorithm).items()}
            if named == meant:
                self.roots.remove(known)
                return {"status": ACCEPTED}, None
        return {"status": "NotFound"}, None

    def _get_installed_certificate_ids(self, request: Payload) -> Reply:
        names = [hash_data(x, "SHA256") for use, x in self.roots if use == request["certificateType"]]
        if not names:
            return {"status": "NotFound"}, None
        return {"status": ACCEPTED, "certificateHashData": names}, None


def _read(pem: str) -> x509.Certificate | None:
    with contextlib.suppress(ValueError):
        return x509.load_pem_x509_certificate(pem.encode())
    return None


def _is_of(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: datetime) -> bool:
    """Whether it is the answer to what this charger has asked for, and good now."""
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    is_own = certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)
    return is_own and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def hash_data(root: x509.Certificate, algorithm: str) -> dict[str, str]:
    """How OCPP names a root, which has issued itself (whitepaper §6.1)."""
    digest = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}[algorithm]
    key = root.public_key()
    is_curve = isinstance(key, ec.EllipticCurvePublicKey)  # RFC 6960 §4.1.1: the bits of the key alone
    form = (Encoding.X962, PublicFormat.UncompressedPoint) if is_curve else (Encoding.DER, PublicFormat.PKCS1)
    bits = key.public_bytes(*form)
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": digest(root.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": digest(bits).hexdigest(),
        "serialNumber": f"{root.serial_number:x}",
    }

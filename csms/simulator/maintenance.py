"""Firmware and logs of a 1.6 charger: it really downloads, and really uploads, over HTTP (1.6 §5.9, §5.19;
whitepaper §3, §4).

Orders are noted on the reader's thread; `tick`, on the charger's own, goes on with them; bytes are moved by threads.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from csms.simulator.connector import StopReason
from csms.simulator.frames import Payload
from csms.simulator.mishaps import Mishap, Upload
from csms.simulator.station import ACCEPTED, Station

TRANSFER_TIMEOUT_S = 30.0
CHUNK_BYTES = 64 * 1024
CANCELED = "AcceptedCanceled"

Work = Callable[[], None]
Reply = tuple[Payload, Work | None]


@dataclass
class Transfer:
    """One order. `request_id` None: of the older kind, which has none."""

    url: str
    request_id: int | None
    tries: int
    retry_interval_s: float
    begins_at: datetime
    installs_at: datetime
    name: str = ""
    stage: str = "new"
    due_s: float = 0.0
    result: bytes | None = None
    is_moved: threading.Event = field(default_factory=threading.Event)


class Maintenance:
    """`ask` sends a CALL from the charger's thread, `reboot` restarts it, `journal` gives its log."""

    def __init__(
        self,
        identity: str,
        station: Station,
        *,
        ask: Callable[[str, Payload], Payload | None],
        reboot: Callable[[StopReason], None],
        journal: Callable[[], str],
    ) -> None:
        self._identity = identity
        self._station = station
        self._ask = ask
        self._reboot = reboot
        self._journal = journal
        self.firmware = station.options.firmware
        """What it boots with."""
        self._log: Transfer | None = None
        self._update: Transfer | None = None
        self._words = {"log": "Idle", "firmware": "Idle"}
        self.handlers: dict[str, Callable[[Payload], Reply]] = {
            "GetDiagnostics": self._get_diagnostics,
            "GetLog": self._get_log,
            "UpdateFirmware": self._update_firmware,
            "SignedUpdateFirmware": self._signed_update_firmware,
        }

    @property
    def _mishaps(self) -> Collection[Mishap]:
        return self._station.options.mishaps

    def status(self, noun: str) -> Payload:
        """Of `log` or `firmware`, for whoever triggers it."""
        return {"status": self._words[noun]}

    # Orders.

    def _get_diagnostics(self, request: Payload) -> Reply:
        name = self._file_name("diagnostics")
        self._log = self._transfer(request, str(request["location"]), None, name)
        return {"fileName": name}, None

    def _get_log(self, request: Payload) -> Reply:
        is_busy = self._log is not None
        kind = "security" if request["logType"] == "SecurityLog" else "diagnostics"
        name, location = self._file_name(kind), str(request["log"]["remoteLocation"])
        self._log = self._transfer(request, location, int(request["requestId"]), name)
        return {"status": CANCELED if is_busy else ACCEPTED, "filename": name}, None

    def _update_firmware(self, request: Payload) -> Reply:
        self._update = self._transfer(request, str(request["location"]), None)
        self._update.begins_at = _moment(request["retrieveDate"])
        return {}, None

    def _signed_update_firmware(self, request: Payload) -> Reply:
        firmware = request["firmware"]
        if "BEGIN CERTIFICATE" not in str(firmware["signingCertificate"]):
            return {"status": "InvalidCertificate"}, None
        is_busy = self._update is not None
        transfer = self._transfer(request, str(firmware["location"]), int(request["requestId"]))
        transfer.begins_at = _moment(firmware["retrieveDateTime"])
        if "installDateTime" in firmware:
            transfer.installs_at = _moment(firmware["installDateTime"])
        self._update = transfer
        return {"status": CANCELED if is_busy else ACCEPTED}, None

    def _transfer(self, request: Payload, url: str, request_id: int | None, name: str = "") -> Transfer:
        tries, interval = int(request.get("retries", 0)) + 1, float(request.get("retryInterval", 1))
        now = self._station.clock.now()
        return Transfer(url, request_id, tries, interval, now, now, name)

    def _file_name(self, kind: str) -> str:
        return f"{self._identity}-{kind}-{self._station.clock.now():%Y%m%d%H%M%S}.log"

    # Doing it.

    def tick(self) -> None:
        """Go on with what is under way; only while the central system can be told."""
        if self._log is not None:
            self._go_on_with_log(self._log)
        if self._update is not None:
            self._go_on_with_update(self._update)

    def _go_on_with_log(self, log: Transfer) -> None:
        match log.stage:
            case "new" if self._station.clock.seconds() >= log.due_s:
                self._tell_log(log, "Uploading")
                content = self._journal().encode()
                self._move(log, lambda: self._upload(log.url, log.name, content))
            case "moving" if log.is_moved.is_set() and log.result is not None:
                self._log = None
                self._tell_log(log, "Uploaded", is_over=True)
            case "moving" if log.is_moved.is_set() and not self._again(log):
                self._log = None
                self._tell_log(
                    log, "UploadFailed" if log.request_id is None else "UploadFailure", is_over=True
                )

    def _upload(self, url: str, name: str, content: bytes) -> bytes:
        if Mishap.UPLOAD_FAILURE in self._mishaps:
            raise OSError("as told")
        if Mishap.NO_FILE not in self._mishaps:
            send(url, name, content, self._station.options.upload)
        return content

    def _go_on_with_update(self, update: Transfer) -> None:
        now = self._station.clock.now()
        match update.stage:
            case "new" if now >= update.begins_at and self._station.clock.seconds() >= update.due_s:
                self._tell_update(update, "Downloading")
                self._move(update, lambda: self._download(update.url))
            case "moving" if update.is_moved.is_set() and update.result is not None:
                self._downloaded(update)
            case "moving" if update.is_moved.is_set() and not self._again(update):
                self._end_update(update, "DownloadFailed")
            case "downloaded" if now >= update.installs_at and not self._is_charging():
                self._install(update)
            case "rebooting":
                self._end_update(update, "Installed")  # 1.6 §5.19: after the boot shows that it runs

    def _download(self, url: str) -> bytes:
        if Mishap.DOWNLOAD_FAILED in self._mishaps:
            raise OSError("as told")
        return fetch(url)

    def _downloaded(self, update: Transfer) -> None:
        self._tell_update(update, "Downloaded")
        if update.request_id is not None:
            if Mishap.INVALID_SIGNATURE in self._mishaps:
                self._end_update(update, "InvalidSignature")
                return
            self._tell_update(update, "SignatureVerified")
        update.stage = "downloaded"

    def _is_charging(self) -> bool:
        return any(x.transaction is not None for x in self._station.connectors.values())

    def _install(self, update: Transfer) -> None:
        self._tell_update(update, "Installing")
        if Mishap.INSTALLATION_FAILED in self._mishaps:
            self._end_update(update, "InstallationFailed")
            return
        update.stage = "rebooting"
        if Mishap.OLD_VERSION not in self._mishaps:
            self.firmware = version_of(update.result or b"", update.url)
        self._reboot(StopReason.REBOOT)

    def _end_update(self, update: Transfer, word: str) -> None:
        self._update = None
        self._tell_update(update, word, is_over=True)

    def _again(self, transfer: Transfer) -> bool:
        """Whether it is tried once more."""
        transfer.tries -= 1
        transfer.stage = "new"
        transfer.due_s = self._station.clock.seconds() + transfer.retry_interval_s
        return transfer.tries > 0

    def _move(self, transfer: Transfer, work: Callable[[], bytes]) -> None:
        transfer.stage, transfer.result = "moving", None
        transfer.is_moved = moved = threading.Event()

        def run() -> None:
            try:
                transfer.result = work()
            except (OSError, ValueError, URLError):
                transfer.result = None  # told to the central system as the failure that it is
            moved.set()

        threading.Thread(target=run, name=f"transfer {self._identity}", daemon=True).start()

    def _tell_log(self, log: Transfer, word: str, *, is_over: bool = False) -> None:
        self._words["log"] = "Idle" if is_over else word
        self._tell("DiagnosticsStatusNotification", "LogStatusNotification", log.request_id, word)

    def _tell_update(self, update: Transfer, word: str, *, is_over: bool = False) -> None:
        self._words["firmware"] = "Idle" if is_over else word
        names = ("FirmwareStatusNotification", "SignedFirmwareStatusNotification")
        self._tell(*names, update.request_id, word)

    def _tell(self, older: str, newer: str, request_id: int | None, word: str) -> None:
        if request_id is None:
            self._ask(older, {"status": word})
        else:
            self._ask(newer, {"status": word, "requestId": request_id})


def _moment(text: object) -> datetime:
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def version_of(content: bytes, url: str) -> str:
    """What a file says of itself (`version: 2.1.0`), else the numbers in its name, else its digest."""
    said = re.search(rb"version[:=]\s*([\w.+-]{1,50})", content[:4096], re.IGNORECASE)
    if said:
        return said[1].decode()
    named = re.search(r"\d+(?:\.\d+)+", urlsplit(url).path.rpartition("/")[2])
    return named[0] if named else hashlib.sha256(content).hexdigest()[:12]


def _check(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("only HTTP and HTTPS are spoken here")


def fetch(url: str) -> bytes:
    """Raises OSError or ValueError."""
    _check(url)
    content = bytearray()
    with urlopen(url, timeout=TRANSFER_TIMEOUT_S) as response:  # noqa: S310  the scheme has been looked at
        expected = response.headers.get("Content-Length")
        while chunk := response.read(CHUNK_BYTES):
            content += chunk
    if expected is not None and int(expected) != len(content):
        raise OSError("the download was cut off")
    return bytes(content)


def send(url: str, name: str, content: bytes, how: Upload) -> None:
    """Raises OSError or ValueError. The name is appended to the address: 1.6 §6.25 calls it a directory."""
    _check(url)
    headers = {"Content-Type": "application/octet-stream"}
    if how is Upload.FORM:
        boundary = "----amberline-simulator"
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        head = f"--{boundary}\r\n{disposition}\r\nContent-Type: text/plain\r\n\r\n"
        content = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    else:
        url = f"{url.rstrip('/')}/{quote(name)}"
    method = "PUT" if how is Upload.PUT else "POST"
    request = Request(url, data=content, headers=headers, method=method)  # noqa: S310  the scheme has been looked at
    with urlopen(request, timeout=TRANSFER_TIMEOUT_S):  # noqa: S310
        return

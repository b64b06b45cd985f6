"""What may go wrong with a simulated charger's firmware and logs, and how it uploads."""

from enum import StrEnum


class Mishap(StrEnum):
    """What goes wrong with firmware and logs, told in the words of 1.6."""

    DOWNLOAD_FAILED = "DownloadFailed"
    INVALID_SIGNATURE = "InvalidSignature"
    INSTALLATION_FAILED = "InstallationFailed"
    UPLOAD_FAILURE = "UploadFailure"
    OLD_VERSION = "OldVersion"
    """It says Installed, and boots with what it had."""
    NO_FILE = "NoFile"
    """It says Uploaded, and has uploaded nothing."""


class Upload(StrEnum):
    """How a log is sent: chargers do all of it."""

    PUT = "PUT"
    POST = "POST"
    FORM = "FORM"

"""The settings of files, logs and other machines. Part of `config.Config`, which reads them."""

from dataclasses import dataclass
from datetime import timedelta

from settings import LogFormat, LogLevel, base_url, flag, matching, one_of, setting, text, whole


@dataclass(frozen=True, kw_only=True)
class UpkeepSettings:
    """What is kept of chargers and for how long, what is logged, and with whom else this server speaks."""

    largest_log_mb: int = setting(
        "LARGEST_LOG_MB",
        "200",
        "The largest log that is taken from a charger, in megabytes.",
        whole(1, 100_000, 200),
    )
    largest_firmware_mb: int = setting(
        "LARGEST_FIRMWARE_MB",
        "500",
        "The largest firmware that can be uploaded, in megabytes.",
        whole(1, 100_000, 500),
    )
    transfer_hours: int = setting(
        "TRANSFER_HOURS",
        "24",
        "Hours for which the address of a firmware or for a log is good.",
        whole(1, 720, 24),
    )
    frames_kept_days: int = setting(
        "FRAMES_KEPT_DAYS",
        "90",
        "Days after which chargers' messages are deleted, unless the page *Settings* says otherwise.",
        whole(30, 3650, 90),
    )
    readings_kept_days: int = setting(
        "READINGS_KEPT_DAYS",
        "730",
        "Days after which meter values are deleted, but for signed ones, unless the page *Settings* says otherwise.",
        whole(30, 3650, 730),
    )
    audit_kept_days: int = setting(
        "AUDIT_KEPT_DAYS",
        "365",
        "Days after which it is deleted who did what, unless the page *Settings* says otherwise.",
        whole(90, 3650, 365),
    )
    logs_kept_days: int = setting(
        "LOGS_KEPT_DAYS",
        "90",
        "Days after which chargers' logs are deleted, unless the page *Settings* says otherwise.",
        whole(1, 3650, 90),
    )
    log_dir: str = setting(
        "LOG_DIR",
        "",
        "The directory for the log files of OCPP messages, `ocpp-2026-11-21.log` for each day in UTC. Empty: "
        "`ocpp-log` in the instance directory; `-`: none are written.",
        text,
    )
    log_days: int = setting(
        "LOG_DAYS",
        "14",
        "Days that the log files of OCPP messages are kept, unless the page *Settings* says otherwise.",
        whole(1, 3650, 14),
    )
    backup_every_h: int = setting(
        "BACKUP_EVERY_H",
        "24",
        "Hours between the backups that are made by themselves, in `backups` in the instance directory; `0`: none are.",
        whole(0, 8760, 24),
    )
    backups_kept: int = setting(
        "BACKUPS_KEPT",
        "7",
        "How many backups are kept when one is made by itself, unless the page *Settings* says otherwise; the oldest "
        "are deleted.",
        whole(1, 1000, 7),
    )
    private_targets: bool = setting(
        "PRIVATE_TARGETS",
        "0",
        "Whether servers of Odoo, ntfy and MQTT, receivers of webhooks and second backends may be in private networks "
        "or here.",
        flag,
    )
    stripe_url: str = setting(
        "STRIPE_URL",
        "",
        "Where Stripe is asked when drivers pay by card, to try things out: `http://localhost:12111`. Empty: its own.",
        base_url,
    )
    node_token: str = setting(
        "NODE_TOKEN",
        "",
        "Other machines that show it as `X-Node-Token` may register themselves as nodes. Empty: only who has a log-in "
        "registers them.",
        text,
        secret=True,
    )
    metrics_token: str = setting(
        "METRICS_TOKEN",
        "",
        "Whoever asks for `/metrics` must show it as a bearer token. Empty: only this machine may ask.",
        matching(r"[\x21-\x7e]{16,200}", "write 16 to 200 characters without blanks"),
        secret=True,
    )
    log_format: LogFormat = setting("LOG_FORMAT", "console", "`console` or `json`.", one_of(LogFormat))
    log_level: LogLevel = setting(
        "LOG_LEVEL",
        "INFO",
        "The least level that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
        one_of(LogLevel),
    )

    @property
    def transfer_lifetime(self) -> timedelta:
        return timedelta(hours=self.transfer_hours)

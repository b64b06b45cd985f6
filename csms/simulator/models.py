"""Chargers that behave as families of real ones do, by the name of the family."""

from dataclasses import dataclass

from csms.simulator.options import ChargerOptions
from csms.simulator.quirks import Quirk


@dataclass(frozen=True)
class Model:
    """`vendor`, `model` and `firmware` as in its BootNotification."""

    vendor: str
    model: str
    firmware: str
    quirks: frozenset[Quirk] = frozenset()

    def options(self, **more: object) -> ChargerOptions:
        given = {"vendor": self.vendor, "model": self.model, "firmware": self.firmware, "quirks": self.quirks}
        return ChargerOptions(**(given | more))  # type: ignore[arg-type]


def _model(vendor: str, model: str, firmware: str, *quirks: Quirk) -> Model:
    return Model(vendor, model, firmware, frozenset(quirks))


Q = Quirk

MODELS = {
    "abb-terra-ac": _model("ABB", "TAC-W11-G5-R-0", "1.8.32", Q.STACK_ZERO),
    "abb-terra-ac-before-1-8-22": _model(
        "ABB", "TAC-W11-G5-R-0", "1.8.21", Q.STACK_ZERO, Q.RESTARTS_WHEN_PROBED
    ),
    "any-charger": _model("Nobody Special", "Plain", "1.0", Q.WHOLE_SECONDS, Q.EMPTY_BOOT_FIELDS),
    "autel": _model("Autel", "MaxiCharger AC", "V1.51.00", Q.REMOTE_START_ONLY),
    "cards-reversed": _model("Nobody Special", "Mirror", "1.0", Q.CARD_REVERSED),
    "cards-with-suffix": _model("Nobody Special", "Tail", "1.0", Q.CARD_WITH_SUFFIX),
    "easee": _model("Easee AS", "Charge", "328", Q.REMOTE_START_ONLY, Q.LEAST_30_S),
    "en-plus": _model("EN+", "Caro", "1.4", Q.NO_AVAILABILITY),
    "foxess": _model("FoxESS", "A011KP1", "1.46", Q.NO_REDIAL),
    "grizzl-e": _model("United Chargers", "Grizzl-E Smart", "GWM-07.026", Q.SESSION_REGISTER, Q.LEAST_7_A),
    "growatt": _model("Growatt", "THOR 11AS", "V5.2.4", Q.BEGIN_REPEATED),
    "huawei": _model("Huawei", "SCharger-22KT-S0", "V100", Q.WATTS_ONLY),
    "keba": _model("Keba AG", "KC-P30-EC2401B2-M0R", "1.12.0", Q.CARD_WITH_SUFFIX),
    "kwh-called-wh": _model("Nobody Special", "Thousand", "1.0", Q.KWH_CALLED_WH),
    "mennekes": _model("MENNEKES", "AMTRON 4You", "1.2", Q.SLOW_TO_CONNECT),
    "necharge": _model("NEcharge", "Pro", "1.0", Q.AMP_STEPS),
    "ocular": _model("Ocular", "IQ Home", "2.1", Q.CLOSES_LATE),
    "openevse": _model("OpenEVSE", "ESP32", "4.2.2", Q.KWH_CALLED_WH),
    "register-by-session": _model("Nobody Special", "Zero", "1.0", Q.SESSION_REGISTER),
    "teison": _model("Teison", "Smart MINI", "1.0", Q.NO_REDIAL),
    "wallbox": _model("Wall Box Chargers", "Pulsar Plus", "5.17", Q.STACK_ZERO, Q.RELATIVE_ONLY),
}

"""What is on record, in the reader's language: a thing, and what was done to it. What is stored stays as it is."""

from flask_babel import lazy_gettext

from csms.web.command_words import NAMES

# The part before the first dot.
THINGS = {
    "account": lazy_gettext("Account"),
    "alert": lazy_gettext("Alert"),
    "alert_channel": lazy_gettext("Channel for alerts"),
    "alert_rule": lazy_gettext("Alert rule"),
    "api_key": lazy_gettext("API key"),
    "attention": lazy_gettext("Matter on the dashboard"),
    "backup": lazy_gettext("Backup"),
    "batch": lazy_gettext("Order to many chargers"),
    "card": lazy_gettext("Card"),
    "cdr": lazy_gettext("Charge record"),
    "charger": lazy_gettext("Charger"),
    "chargers": lazy_gettext("Chargers"),
    "charging_profile": lazy_gettext("Charging profile"),
    "command": lazy_gettext("Command"),
    "configuration": lazy_gettext("Configuration"),
    "connector": lazy_gettext("Connector"),
    "dso_signal": lazy_gettext("Grid signal"),
    "email": lazy_gettext("E-mail address"),
    "firmware": lazy_gettext("Firmware"),
    "first_steps": lazy_gettext("First steps"),
    "hostname": lazy_gettext("Host name"),
    "id_token": lazy_gettext("Card"),
    "identity": lazy_gettext("Log-in elsewhere"),
    "local_list": lazy_gettext("Card list"),
    "log": lazy_gettext("Log"),
    "log_in": lazy_gettext("Log-in"),
    "login": lazy_gettext("Log-in"),
    "mail": lazy_gettext("Mail"),
    "message": lazy_gettext("Message"),
    "node": lazy_gettext("Node"),
    "ocpi": lazy_gettext("Roaming partner"),
    "odoo": lazy_gettext("Odoo"),
    "password": lazy_gettext("Password"),
    "payment": lazy_gettext("Payment"),
    "product": lazy_gettext("Product"),
    "profile": lazy_gettext("My profile"),
    "report": lazy_gettext("Report"),
    "reservation": lazy_gettext("Reservation"),
    "rollout": lazy_gettext("Rollout"),
    "root": lazy_gettext("Root certificate"),
    "second_factor": lazy_gettext("Second factor"),
    "session": lazy_gettext("Session"),
    "settings": lazy_gettext("Settings"),
    "simulator": lazy_gettext("Simulator"),
    "site": lazy_gettext("Site"),
    "slots": lazy_gettext("Values by the hour"),
    "subscription": lazy_gettext("Subscription"),
    "tariff": lazy_gettext("Tariff"),
    "template": lazy_gettext("Template"),
    "transaction": lazy_gettext("Session"),
    "trouble": lazy_gettext("Trouble"),
    "user": lazy_gettext("User"),
    "vehicle": lazy_gettext("Vehicle"),
    "view": lazy_gettext("View"),
    "voucher": lazy_gettext("Voucher"),
    "webhook": lazy_gettext("Webhook"),
}
_ADDED = lazy_gettext("%(thing)s: added")
_CHANGED = lazy_gettext("%(thing)s: changed")
_REMOVED = lazy_gettext("%(thing)s: removed")
_BEGUN = lazy_gettext("%(thing)s: begun")
_ENDED = lazy_gettext("%(thing)s: ended")
_CANCELLED = lazy_gettext("%(thing)s: cancelled")
_SENT = lazy_gettext("%(thing)s: sent")
_AGAIN = lazy_gettext("%(thing)s: tried again")
_REQUESTED = lazy_gettext("%(thing)s: requested")
_CLOSED = lazy_gettext("%(thing)s: closed")
_SWITCHED_ON = lazy_gettext("%(thing)s: switched on")
_SWITCHED_OFF = lazy_gettext("%(thing)s: switched off")
_PAUSED = lazy_gettext("%(thing)s: paused")
_RESUMED = lazy_gettext("%(thing)s: resumed")
_WITHDRAWN = lazy_gettext("%(thing)s: withdrawn")
_REFUNDED = lazy_gettext("%(thing)s: refunded")
_REDEEMED = lazy_gettext("%(thing)s: redeemed")
_VOIDED = lazy_gettext("%(thing)s: voided")
_KEY = lazy_gettext("%(thing)s: key renewed")
_INVITED = lazy_gettext("%(thing)s: invited")
_PUT_OUT = lazy_gettext("%(thing)s: logged out everywhere")
_NUMBER_ADDED = lazy_gettext("%(thing)s: number added")
_NUMBER_REMOVED = lazy_gettext("%(thing)s: number removed")
_IMPORTED = lazy_gettext("%(thing)s: imported")
_ASSIGNED = lazy_gettext("%(thing)s: assigned")
_PROFILE = lazy_gettext("%(thing)s: security profile set")
_FAILED = lazy_gettext("%(thing)s: failed")
_USED = lazy_gettext("%(thing)s: link used")
_DECIDED = lazy_gettext("%(thing)s: decided")
# The part behind it.
DEEDS = {
    **dict.fromkeys(
        ("add", "added", "made", "make", "opened", "put", "registered", "save", "written"), _ADDED
    ),
    **dict.fromkeys(("change", "changed", "edit", "party_set", "revise", "revised", "set"), _CHANGED),
    **dict.fromkeys(("delete", "forget", "remove", "removed"), _REMOVED),
    **dict.fromkeys(("begin", "begun", "start"), _BEGUN),
    **dict.fromkeys(("ended", "stop"), _ENDED),
    **dict.fromkeys(("cancel", "cancelled", "unscheduled"), _CANCELLED),
    **dict.fromkeys(("sent", "order", "ordered", "send", "send_in_full", "full", "told"), _SENT),
    **dict.fromkeys(("retry", "retried", "resent"), _AGAIN),
    **dict.fromkeys(("request", "requested", "asked"), _REQUESTED),
    **dict.fromkeys(("close", "closed"), _CLOSED),
    **dict.fromkeys(("enable", "on", "switched_on"), _SWITCHED_ON),
    **dict.fromkeys(("disable", "off", "switched_off", "drop_factor"), _SWITCHED_OFF),
    **dict.fromkeys(("pause", "paused", "snooze", "suspended"), _PAUSED),
    **dict.fromkeys(("resume", "resumed", "wake"), _RESUMED),
    **dict.fromkeys(("left", "withdraw", "withdrawn", "unassign"), _WITHDRAWN),
    **dict.fromkeys(("refund", "refunded"), _REFUNDED),
    **dict.fromkeys(("redeem", "redeemed"), _REDEEMED),
    **dict.fromkeys(("void", "voided", "revoked"), _VOIDED),
    **dict.fromkeys(
        ("key", "renew_key", "rotate_key", "rotated", "secret_renewed", "token_renewed", "codes"), _KEY
    ),
    **dict.fromkeys(("invite", "invited"), _INVITED),
    **dict.fromkeys(("log_out", "put_out"), _PUT_OUT),
    **dict.fromkeys(("number.add", "number_added"), _NUMBER_ADDED),
    **dict.fromkeys(("number.remove", "number_removed"), _NUMBER_REMOVED),
    **dict.fromkeys(("import", "imported"), _IMPORTED),
    **dict.fromkeys(("assign", "assigned", "default"), _ASSIGNED),
    **dict.fromkeys(("profile", "raise_profile"), _PROFILE),
    **dict.fromkeys(("failed", "code_failed", "not_restored"), _FAILED),
    **dict.fromkeys(("used", "link"), _USED),
    **dict.fromkeys(
        ("settle", "settled", "match", "matched", "repair_accept", "repair_reject", "repair_undone"), _DECIDED
    ),
    "acknowledge": lazy_gettext("%(thing)s: security events seen"),
    "adopt": lazy_gettext("%(thing)s: let in"),
    "apply": lazy_gettext("%(thing)s: applied"),
    "block": lazy_gettext("%(thing)s: blocked"),
    "book": lazy_gettext("%(thing)s: booked"),
    "booked": lazy_gettext("%(thing)s: booked"),
    "budget": lazy_gettext("%(thing)s: writes per day set"),
    "captured": lazy_gettext("%(thing)s: taken"),
    "card": lazy_gettext("%(thing)s: by a card"),
    "clear": lazy_gettext("%(thing)s: cleared"),
    "cleared": lazy_gettext("%(thing)s: cleared"),
    "credit": lazy_gettext("%(thing)s: credit booked"),
    "delete_certificate": lazy_gettext("%(thing)s: certificate removed"),
    "dismiss": lazy_gettext("%(thing)s: put aside"),
    "dismissed": lazy_gettext("%(thing)s: put aside"),
    "downloaded": lazy_gettext("%(thing)s: downloaded"),
    "erased": lazy_gettext("%(thing)s: erased"),
    "install_certificate": lazy_gettext("%(thing)s: certificate installed"),
    "known": lazy_gettext("%(thing)s: linked"),
    "revoke_certificate": lazy_gettext("%(thing)s: certificate revoked"),
    "merged": lazy_gettext("%(thing)s: merged with another"),
    "limit": lazy_gettext("%(thing)s: limit set"),
    "note": lazy_gettext("%(thing)s: note written"),
    "pin": lazy_gettext("%(thing)s: PIN"),
    "place": lazy_gettext("%(thing)s: placed"),
    "plan": lazy_gettext("%(thing)s: plan changed"),
    "plan_removed": lazy_gettext("%(thing)s: plan removed"),
    "put_away": lazy_gettext("%(thing)s: put aside"),
    "quirks": lazy_gettext("%(thing)s: quirks chosen"),
    "read": lazy_gettext("%(thing)s: read"),
    "read_certificates": lazy_gettext("%(thing)s: certificates read"),
    "receipt": lazy_gettext("%(thing)s: receipt sent"),
    "received": lazy_gettext("%(thing)s: received"),
    "reject": lazy_gettext("%(thing)s: rejected"),
    "released": lazy_gettext("%(thing)s: let go"),
    "remove_key": lazy_gettext("%(thing)s: key removed"),
    "renew_certificate": lazy_gettext("%(thing)s: certificate renewed"),
    "reset": lazy_gettext("%(thing)s: reset"),
    "restore_cancelled": lazy_gettext("%(thing)s: restoring cancelled"),
    "restore_ordered": lazy_gettext("%(thing)s: restoring ordered"),
    "restored": lazy_gettext("%(thing)s: restored"),
    "scan": lazy_gettext("%(thing)s: scanned at a charger"),
    "scanned": lazy_gettext("%(thing)s: scanned at a charger"),
    "scheduled": lazy_gettext("%(thing)s: ordered by e-mail"),
    "seen_to": lazy_gettext("%(thing)s: seen to"),
    "second_backend": lazy_gettext("%(thing)s: second backend entered"),
    "second_backend_paused": lazy_gettext("%(thing)s: second backend paused"),
    "second_backend_removed": lazy_gettext("%(thing)s: second backend removed"),
    "second_backend_resumed": lazy_gettext("%(thing)s: second backend resumed"),
    "share": lazy_gettext("%(thing)s: shared"),
    "skip": lazy_gettext("%(thing)s: some skipped"),
    "supply": lazy_gettext("%(thing)s: supply set"),
    "test": lazy_gettext("%(thing)s: tested"),
    "tested": lazy_gettext("%(thing)s: tested"),
    "uploaded": lazy_gettext("%(thing)s: uploaded"),
    "verified": lazy_gettext("%(thing)s: verified"),
    "waived": lazy_gettext("%(thing)s: waived"),
    "waive": lazy_gettext("%(thing)s: waived"),
}
# What is no deed to a thing.
WHOLE = {
    "add_charger": lazy_gettext("Charger added on the command line"),
    "close_lab": lazy_gettext("Lab mode ended"),
    "command": lazy_gettext("Command"),
    "create_user": lazy_gettext("User added on the command line"),
    "import": lazy_gettext("Taken over from another system"),
    "issue_tokens": lazy_gettext("Tokens issued on the command line"),
    "log_in": lazy_gettext("Logged in"),
    "login": lazy_gettext("Logged in"),
    "settings.accent": lazy_gettext("Accent colour changed"),
    "settings.logo": lazy_gettext("Logo changed"),
    "settings.logo_removed": lazy_gettext("Logo removed"),
    "settings.co2": lazy_gettext("CO₂ of the electricity changed"),
    "settings.maps": lazy_gettext("Settings of maps changed"),
    "settings.organisation": lazy_gettext("Organisation’s settings changed"),
    "settings.payments": lazy_gettext("Settings of payments changed"),
    "settings.quiet": lazy_gettext("Quiet mode switched"),
    "settings.retention": lazy_gettext("What is kept for how long changed"),
    "settings.second_factor": lazy_gettext("Roles that need a second factor changed"),
    "setup": lazy_gettext("Set-up"),
    "sign_up": lazy_gettext("Account: opened by its driver"),
    "sign_certificate": lazy_gettext("Certificate signed on the command line"),
}


ORDERS = {kind.value: words for kind, words in NAMES.items()}


def words_of(action: str) -> str:
    """What was done; the thing alone where the deed has no words of its own, and nothing where neither has."""
    if whole := WHOLE.get(action):
        return str(whole)
    noun, _, verb = action.partition(".")
    thing, deed = THINGS.get(noun), DEEDS.get(verb)
    if thing is None:
        return ""
    if noun == "command" and verb in ORDERS:
        return f"{thing}: {ORDERS[verb]}"
    return str(deed) % {"thing": thing} if deed else str(thing)

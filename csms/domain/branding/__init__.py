"""How the installation looks: a logo and an accent colour of its own. States keep their colours."""

from csms.domain.branding.colours import HOUSE_ACCENT, Shades, nearest, parts_of, shades_of
from csms.domain.branding.models import Branding, Logo, Look, look, set_accent, set_logo
from csms.domain.branding.pictures import LARGEST_SIDE, logo_of

__all__ = [
    "HOUSE_ACCENT",
    "LARGEST_SIDE",
    "Branding",
    "Logo",
    "Look",
    "Shades",
    "logo_of",
    "look",
    "nearest",
    "parts_of",
    "set_accent",
    "set_logo",
    "shades_of",
]

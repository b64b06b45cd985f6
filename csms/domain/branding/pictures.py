"""A picture that somebody uploads, as a logo: read, made small and written anew, so that nothing else comes with it.

SVG is not taken: it may carry scripts, and loads what it likes.
"""

from __future__ import annotations

import io

from csms.domain.base import Invalid
from csms.domain.branding.models import Logo

KINDS = ("PNG", "JPEG", "WEBP")
LARGEST_SIDE, SMALLEST_SIDE = 4_000, 16  # px of the picture that comes
MOST_BYTES = 5_000  # it travels with pages that weigh 30 KB at most
WIDEST = 5  # times its height
# Height in px and number of colours, the finest first: photographs end as the coarsest.
FINENESS = ((96, 128), (96, 32), (64, 32), (48, 32), (40, 16), (32, 8))


def logo_of(picture: bytes) -> Logo:
    """A PNG that is small enough. Slow: run it in a thread. Raises Invalid, with the reason."""
    from PIL import Image, ImageOps  # only now: few ever ask for it

    try:
        with Image.open(io.BytesIO(picture), formats=KINDS) as opened:
            if not SMALLEST_SIDE <= min(opened.size) <= max(opened.size) <= LARGEST_SIDE:
                raise Invalid(
                    "A logo has between %(least)s and %(most)s pixels on each side.",
                    "logo",
                    least=SMALLEST_SIDE,
                    most=LARGEST_SIDE,
                )
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
    ):  # what Pillow says of what is no picture
        raise Invalid("Choose a picture: a PNG, a JPEG or a WebP.", "logo") from None
    for height, colours in FINENESS:
        small = upright.copy()
        small.thumbnail((height * WIDEST, height), Image.Resampling.LANCZOS)
        written = io.BytesIO()
        small.quantize(colours, Image.Quantize.FASTOCTREE).save(written, "PNG", optimize=True)
        if written.tell() <= MOST_BYTES:
            return Logo(written.getvalue())
    raise Invalid("This picture is too detailed for a logo. Choose a simpler one.", "logo")

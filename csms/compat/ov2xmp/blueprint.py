"""The blueprint that this system's views hang on."""

from csms.compat import door

blueprint = door.blueprint("ov2xmp")

"""The blueprint that all addresses of Arthexis hang on."""

from csms.compat import door

blueprint = door.blueprint("arthexis")

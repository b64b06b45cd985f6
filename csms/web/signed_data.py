"""Signed meter data as a file for transparency software, with which drivers check what they were charged for."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from xml.etree import ElementTree

from flask import Response

from csms.domain.base import NotFound
from csms.domain.transactions import Transaction
from csms.domain.transactions.signed import SignedValue, decoded, signed_values
from csms.extensions import db

# What XML 1.0 can hold and gives back as it was: a carriage return would be read as a line feed.
_WRITABLE = re.compile("[\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


def file_of(transaction: Transaction) -> Response:
    """Raises NotFound where nothing was signed."""
    values = signed_values(db.session(), transaction.id)
    if not values:
        raise NotFound("There is no such page.")
    headers = {"Content-Disposition": f'attachment; filename="session-{transaction.id}-signed.xml"'}
    return Response(xml_of(transaction.id, values), mimetype="application/xml", headers=headers)


def xml_of(number: int, values: Iterable[SignedValue]) -> bytes:
    """The container that the S.A.F.E. transparency software reads: its schema wants the key before the data."""
    root = ElementTree.Element("values")
    for value in values:
        element = ElementTree.SubElement(root, "value", transactionId=str(number))
        if value.context and _WRITABLE.fullmatch(value.context):
            element.set("context", value.context)
        if value.public_key:
            _add(element, "publicKey", decoded(value.public_key)[0], value.public_key)
        data = _add(element, "signedData", value.encoding, value.data)
        if value.is_ocmf:
            data.set("format", "OCMF")
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: ElementTree.Element, name: str, encoding: str, text: str) -> ElementTree.Element:
    """Text in its encoding; what XML cannot hold is written in Base64, so that no letter of it is lost."""
    if not _WRITABLE.fullmatch(text):
        encoding, text = "base64", b64encode(text.encode()).decode()
    element = ElementTree.SubElement(parent, name, encoding=encoding)
    element.text = text
    return element

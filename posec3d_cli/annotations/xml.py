"""XML, read without entities and document types, and written so that every reader takes it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.parsers import expat

from posec3d_cli.errors import InputError


def parse(content: bytes, root: str) -> ET.Element:
    """The root element of a document.

    Raises:
        InputError: it is no XML, declares a document type, or its root has another name.
    """
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InputError(f"it is no XML: {error}") from error
    element = builder.close()
    if element.tag != root:
        raise InputError(f"its root is <{element.tag}>, and must be <{root}>")
    return element


def _refuse_document_type(*declared: object) -> None:
    raise InputError("it declares a document type, which is not read", hint="take the <!DOCTYPE> out")


def text_of(root: ET.Element) -> bytes:
    """A document in UTF-8."""
    ET.indent(root, space=" ")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"

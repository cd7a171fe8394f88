"""Elements of XML from values that may be missing."""

from __future__ import annotations

import xml.etree.ElementTree as ET


def add_text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    """A child with text in it."""
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def add_given(parent: ET.Element, tag: str, **attributes: object) -> ET.Element | None:
    """A child with those attributes that are not None; no child where all of them are."""
    given = attributes_given(**attributes)
    return ET.SubElement(parent, tag, given) if given else None


def attributes_given(**attributes: object) -> dict[str, str]:
    return {name: str(value) for name, value in attributes.items() if value is not None}


def none_if_empty(element: ET.Element) -> ET.Element | None:
    """The element, unless there is nothing in it to say."""
    return element if len(element) or element.attrib or element.text else None

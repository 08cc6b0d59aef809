"""The Atom feed of a stream, with GeoRSS outlines.

Atom: RFC 4287. GeoRSS-Simple: OGC 17-002r1, section 8 (`georss:polygon`, latitude before longitude).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from model.store.streams import Arrival
from model.streams.messages import Voice, headline

ATOM, GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"
FEED = "floodscope.atom"
CAP_FOLDER = "cap"
LONGEST = 200
"""Entries of a feed: older ones are in the store."""


def atom_feed(stream: str, arrivals: Sequence[Arrival], voice: Voice) -> bytes:
    """Return a feed of predicted chips.

    Args:
        stream: id of the stream.
        arrivals: with facts, the newest first.
        voice: who tells.
    """
    ET.register_namespace("", ATOM)
    ET.register_namespace("georss", GEORSS)
    feed = ET.Element(f"{{{ATOM}}}feed")

    def add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
        child = ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
        child.text = text
        return child

    add(feed, "id", f"urn:floodscope:stream:{stream}")
    add(feed, "title", f"floodscope: {voice.stream}")
    newest = arrivals[0].created if arrivals else datetime.fromtimestamp(0, UTC).isoformat(timespec="milliseconds")
    add(feed, "updated", newest)
    add(add(feed, "author"), "name", "floodscope")
    add(feed, "link", rel="self", href=FEED)
    for arrival in arrivals:
        facts = arrival.facts
        entry = add(feed, "entry")
        add(entry, "id", f"urn:floodscope:arrival:{arrival.delivery('webhook')}")
        add(entry, "title", headline(facts))
        add(entry, "updated", arrival.created)
        if arrival.alert:
            add(entry, "category", term="alert")
            add(
                entry,
                "link",
                rel="related",
                type="application/cap+xml",
                href=f"{CAP_FOLDER}/{arrival.delivery('cap')}.xml",
            )
        if (link := voice.link(str(facts["id"]))) is not None:
            add(entry, "link", rel="alternate", type="text/html", href=link)
        add(entry, "summary", f"{headline(facts)}, under {facts['model']['name']}")
        if facts.get("footprint"):
            outline = ET.SubElement(entry, f"{{{GEORSS}}}polygon")
            outline.text = " ".join(f"{y:.5f} {x:.5f}" for x, y in facts["footprint"])
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True))

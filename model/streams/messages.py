"""What is told of an arrival: the facts, a webhook's body, and a CAP 1.2 message.

CAP: OASIS Standard "Common Alerting Protocol Version 1.2", 1 July 2010, section 3.2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from shapely import get_coordinates
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
_HOLDS = timedelta(days=2)
"""How long an alert stands: by then the next acquisition is due (Sentinel-1 passes every few days)."""
_LIKELY = 0.5
"""CAP calls likely what has a probability above 50 %, and possible what has less."""


@dataclass(frozen=True)
class Voice:
    """Who tells, and where what is told can be seen.

    Attributes:
        stream: what the stream is called.
        sender: CAP's sender: an address that is the organisation's own, without blanks, commas, < and &.
        page: address of a dashboard over the same store, or None.
        model: spec of the model, for the link.
    """

    stream: str
    sender: str
    page: str | None
    model: str

    def link(self, chip_id: str) -> str | None:
        """Return the address that opens a chip, or None."""
        if self.page is None:
            return None
        return f"{self.page}?chip={quote(chip_id, safe='')}&model={quote(self.model, safe='')}"


def ring_of(footprint: BaseGeometry | None) -> list[list[float]] | None:
    """Return a footprint's outer corners as [longitude, latitude] in WGS84, about a metre exact; None without one."""
    if footprint is None:
        return None
    outline = footprint.exterior if isinstance(footprint, Polygon) else footprint.convex_hull
    return [[round(x, 5), round(y, 5)] for x, y in get_coordinates(outline).tolist()]


def headline(facts: Mapping[str, Any]) -> str:
    """Return what is told of a predicted chip in one line."""
    water = facts.get("water_km2")
    share, interval = facts.get("share"), facts.get("share_ci")
    amount = f"{water:.2f} km² of water" if water is not None else "water"
    said = (
        f", {100 * share:.1f} % [{100 * interval[0]:.1f}–{100 * interval[1]:.1f}]"
        if share is not None and interval
        else ""
    )
    asked = f", asked about {100 * facts['above']:g} %" if facts.get("above") is not None else ""
    where = f" in {facts['country']}" if facts.get("country") else ""
    return f"{facts['id']}{where}: {amount}{said}{asked}"


def webhook_body(delivery: str, facts: Mapping[str, Any], created: str, voice: Voice) -> str:
    """Return the JSON that a webhook is sent: a change of its fields' meaning is another `version`."""
    body = {
        "version": 1,
        "delivery": delivery,
        "type": "alert" if facts.get("alert") else "prediction",
        "stream": voice.stream,
        "created": created,
        "headline": headline(facts),
        "link": voice.link(str(facts["id"])),
        "chip": {name: value for name, value in facts.items() if name != "record"},
    }
    return json.dumps(body, ensure_ascii=False, sort_keys=True)


def cap_message(delivery: str, facts: Mapping[str, Any], created: str, voice: Voice) -> str:
    """Return a CAP 1.2 message about a chip that has more water than was asked about.

    Nobody has looked at it: urgency and severity are "Unknown", and certainty follows the probability. What was found on
    simulated imagery has the status "Test".
    """
    sent = datetime.fromisoformat(created).replace(microsecond=0)
    alert = ET.Element("alert", xmlns=CAP)

    def add(parent: ET.Element, name: str, text: str | None) -> ET.Element:
        child = ET.SubElement(parent, name)
        child.text = text
        return child

    add(alert, "identifier", f"floodscope.{delivery}")
    add(alert, "sender", voice.sender)
    add(alert, "sent", _time(sent))
    add(alert, "status", "Test" if facts.get("simulated") else "Actual")
    add(alert, "msgType", "Alert")
    add(alert, "scope", "Public")
    info = add(alert, "info", None)
    add(info, "language", "en")
    add(info, "category", "Geo")
    add(info, "event", "Water on a radar image")
    add(info, "urgency", "Unknown")
    add(info, "severity", "Unknown")
    add(info, "certainty", "Likely" if (facts.get("probability") or 0.0) > _LIKELY else "Possible")
    add(info, "effective", _time(sent))
    add(info, "expires", _time(sent + _HOLDS))
    add(info, "headline", headline(facts)[:160])
    add(
        info,
        "description",
        f"{facts['model']['name']} finds water on {100 * facts['water_share']:.1f} % of the pixels with data of {facts['id']}"
        f"{', imagery of ' + facts['date'] if facts.get('date') else ''}. Computed by a program; nobody has checked it. "
        "Permanent water counts as water.",
    )
    if (link := voice.link(str(facts["id"]))) is not None:
        add(info, "web", link)
    for name in ("share", "probability", "above", "water_km2"):
        if facts.get(name) is not None:
            parameter = add(info, "parameter", None)
            add(parameter, "valueName", name)
            add(parameter, "value", f"{facts[name]:.6g}")
    area = add(info, "area", None)
    add(area, "areaDesc", str(facts.get("country") or facts["id"]))
    if facts.get("footprint"):
        add(area, "polygon", " ".join(f"{y:.5f},{x:.5f}" for x, y in facts["footprint"]))
    return ET.tostring(alert, encoding="unicode", xml_declaration=True)


def _time(when: datetime) -> str:
    """Return a time as CAP wants it: with a numerical zone, "-00:00" for UTC (section 3.3.2)."""
    return when.strftime("%Y-%m-%dT%H:%M:%S-00:00")

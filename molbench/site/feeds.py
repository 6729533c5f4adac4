"""Results as feeds, JSON Feed 1.1 and Atom (RFC 4287): an entry for each model of each board."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from molbench.escape import visible
from molbench.leaderboard.records import Records
from molbench.leaderboard.render import estimate, pretraining
from molbench.site.templating import slug

#: Stands for a day that nobody told where a feed has to have one.
_UNKNOWN = "1970-01-01"
_TITLE = "molbench: results"


@dataclass(frozen=True)
class FeedEntry:
    """One model on one board.

    Attributes:
        id: Stays the same for as long as the board and the model are called so.
        title: Model and board.
        summary: Its place in words.
        address: Of the model's page, relative to the feed.
        date: Day of its scores; None where nobody told.
    """

    id: str
    title: str
    summary: str
    address: str
    date: str | None


def json_feed(records: Records) -> str:
    """The feed as JSON."""
    items = [
        {
            "id": entry.id,
            "url": entry.address,
            "title": entry.title,
            "content_text": entry.summary,
            **({"date_published": f"{entry.date}T00:00:00Z"} if entry.date else {}),
        }
        for entry in _entries(records)
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _TITLE,
        "home_page_url": "index.html",
        "feed_url": "feed.json",
        "items": items,
    }
    return json.dumps(feed, indent=1, ensure_ascii=False) + "\n"


def atom_feed(records: Records) -> str:
    """The feed as Atom."""
    entries = list(_entries(records))
    feed = Element("feed", xmlns="http://www.w3.org/2005/Atom")
    SubElement(feed, "title").text = _TITLE
    SubElement(feed, "id").text = _id("feed")
    SubElement(
        feed, "updated"
    ).text = f"{max((e.date or _UNKNOWN for e in entries), default=_UNKNOWN)}T00:00:00Z"
    SubElement(SubElement(feed, "author"), "name").text = "molbench"
    SubElement(feed, "link", rel="self", href="feed.xml")
    SubElement(feed, "link", rel="alternate", href="index.html")
    for entry in entries:
        made = SubElement(feed, "entry")
        SubElement(made, "title").text = entry.title
        SubElement(made, "id").text = entry.id
        SubElement(made, "updated").text = f"{entry.date or _UNKNOWN}T00:00:00Z"
        SubElement(made, "link", rel="alternate", href=entry.address)
        SubElement(made, "summary").text = entry.summary
    indent(feed, " ")
    return tostring(feed, encoding="unicode", xml_declaration=True) + "\n"


def _entries(records: Records) -> Iterator[FeedEntry]:
    """Newest first, then as the boards have them."""
    dates = {card.model: card.date for card in records.cards}
    made = [
        FeedEntry(
            id=_id(f"{table.name}/{row.model}"),
            title=visible(f"{row.model} on {table.title}"),
            summary=visible(
                f"{pretraining(row)}; "
                + (f"rank {row.rank} of {len(table.rows)}" if row.rank is not None else "not ranked")
                + (f", relative error {estimate(row.relative_error)}" if row.relative_error else "")
            ),
            address=f"models/{slug(row.model)}.html",
            date=dates.get(row.model),
        )
        for table in records.boards
        for row in table.rows
    ]
    yield from sorted(made, key=lambda entry: entry.date or _UNKNOWN, reverse=True)


def _id(name: str) -> str:
    return uuid5(NAMESPACE_URL, f"molbench/{name}").urn

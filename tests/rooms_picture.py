"""The picture of the rooms in ``docs/architecture.md``, drawn from the imports.

``python -m tests.rooms_picture`` draws it anew.
"""

from tests.rooms import FILES, ROOMS, ROOT, imported_by, module_name, room_of

PAGE = ROOT / "docs" / "architecture.md"
START, END = "```mermaid\n", "```\n"


def imported_rooms() -> dict[str, set[str]]:
    """The rooms that each room imports, itself left out."""
    imports: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in FILES:
        room = room_of(module_name(path))
        if room is not None:
            others = {room_of(name) for name in imported_by(path)} - {None, room}
            imports[room] |= {other for other in others if other is not None}
    return imports


def arrows() -> list[tuple[str, str]]:
    """Who imports whom, without what follows from the other arrows."""
    rooms = imported_rooms()
    reached: dict[str, set[str]] = {}
    for room in ROOMS:  # what a room imports stands before it
        reached[room] = rooms[room].union(*(reached[other] for other in rooms[room]))
    return [
        (room, other)
        for room in ROOMS
        for other in sorted(rooms[room], key=ROOMS.index)
        if not any(other in reached[between] for between in rooms[room])
    ]


def picture() -> str:
    """A Mermaid diagram; an arrow points to what is imported."""
    lines = ["flowchart TB"]
    lines += [f'  {_node(room)}["{room}"]' for room in reversed(ROOMS)]
    lines += [f"  {_node(room)} --> {_node(other)}" for room, other in arrows()]
    return START + "\n".join(lines) + "\n" + END


def _node(room: str) -> str:
    """A name that is no word of Mermaid, as ``graph`` is."""
    return "room_" + room.replace(".", "_")


def with_picture(page: str) -> str:
    """The page with the picture as it is now."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return before + picture() + after


if __name__ == "__main__":
    PAGE.write_text(with_picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

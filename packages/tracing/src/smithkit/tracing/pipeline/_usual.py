"""The small fields that most runs have, in an order that is known, and their JSON.

Runs that take the short way (`_live`) have these tuples of names and nothing but text in them. Written as
they are they cost a quarter of what a dictionary and an encoder do.
"""

from __future__ import annotations

import orjson

__all__ = ["CHILD", "ENDED", "NAME", "ORDER", "ROOT", "START", "UPDATE", "written"]

ROOT: tuple[str, ...] = ("id", "trace_id", "dotted_order", "name", "run_type", "session_name", "start_time")
"""Fields of a root that begins."""
CHILD = (*ROOT, "parent_run_id")
"""Fields of a child that begins."""
ENDED = {names: (*names, "end_time") for names in (ROOT, CHILD)}
"""Fields of a whole run, by those of its beginning."""
UPDATE = {
    names: tuple("end_time" if name == "start_time" else name for name in names) for names in (ROOT, CHILD)
}
"""Fields of an end that stands alone, by those of its beginning."""
ORDER, NAME, START = map(ROOT.index, ("dotted_order", "name", "start_time"))
"""Where some of them stand."""

_KNOWN = frozenset(map(id, (ROOT, CHILD, *ENDED.values(), *UPDATE.values())))
_MOST_CACHED = 1024
_quoted: dict[str, str] = {}


def written(names: tuple[str, ...], values: tuple[str, ...]) -> bytes | None:
    """JSON of the small fields; None for other fields than those of this module, or for odd ids.

    Args:
        names: The very tuple of this module.
        values: Their values.
    """
    if id(names) not in _KNOWN:
        return None
    order = values[ORDER]
    if '"' in order or "\\" in order or not order.isprintable():  # somebody has made it by hand
        return None
    try:
        name, run_type, project = _quoted[values[3]], _quoted[values[4]], _quoted[values[5]]
    except KeyError:
        try:
            name, run_type, project = map(_quote, values[3:6])
        except TypeError:  # not text, or half of a character
            return None
    # Ids and times hold nothing that JSON would escape.
    start = (
        f'{{"id":"{values[0]}","trace_id":"{values[1]}","dotted_order":"{order}","name":{name},'
        f'"run_type":{run_type},"session_name":{project},"{names[START]}":"{values[START]}"'
    )
    rest = "".join([f',"{names[place]}":"{values[place]}"' for place in range(START + 1, len(values))])
    return f"{start}{rest}}}".encode()


def _quote(text: str) -> str:
    quoted = orjson.dumps(text).decode()
    if len(_quoted) >= _MOST_CACHED:
        _quoted.clear()
    _quoted[text] = quoted
    return quoted

"""The body of ``POST /runs/batch``, for servers without the multipart endpoint."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from smithkit.tracing.pipeline._decoded import json_body
from smithkit.tracing.pipeline._multipart import Body
from smithkit.tracing.pipeline._snapshot import ATTACHMENTS, KIND, PATCH, POST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["encode"]

_log = logging.getLogger("smithkit.tracing")


def encode(ops: Iterable[Op]) -> Body:
    """Encode ops of runs.

    Args:
        ops: Merged, in their order.
    """
    lists: dict[int, list[bytes]] = {POST: [], PATCH: []}
    for op in ops:
        if op[ATTACHMENTS]:
            names = ", ".join(entry[0] for entry in op[ATTACHMENTS])
            _log.warning("Attachments are left out (%s): this server's endpoint cannot take them.", names)
        lists[op[KIND]].append(json_body(op))
    fields = [
        b'"%b":[%b]' % (name, b",".join(lists[kind]))
        for kind, name in ((POST, b"post"), (PATCH, b"patch"))
        if lists[kind]
    ]
    return Body(b"{" + b",".join(fields) + b"}", {"Content-Type": "application/json"})

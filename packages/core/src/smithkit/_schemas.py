"""Schemas that core itself reads, and those that several packages share."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic evaluates the annotation
from typing import Any

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from smithkit.arguments import ID_TYPE
from smithkit.attachments import Attachment, AttachmentInfo, Attachments, BinaryIOLike

__all__ = [
    "ID_TYPE",
    "Attachment",
    "AttachmentInfo",
    "Attachments",
    "BatchIngestConfig",
    "BinaryIOLike",
    "LangSmithInfo",
    "LangSmithSettings",
]


class BatchIngestConfig(TypedDict, total=False):
    """How the server wants runs to be sent.

    Attributes:
        use_multipart_endpoint: Whether it has ``/runs/multipart``.
        scale_up_qsize_trigger: Queue length at which the reference client starts another thread.
        scale_up_nthreads_limit: How many threads it starts at most.
        scale_down_nempty_trigger: Empty polls after which it ends one.
        size_limit: Runs in one request at most.
        size_limit_bytes: Bytes in one request at most.
    """

    use_multipart_endpoint: bool
    scale_up_qsize_trigger: int
    scale_up_nthreads_limit: int
    scale_down_nempty_trigger: int
    size_limit: int
    size_limit_bytes: int | None


class LangSmithInfo(BaseModel):
    """What a server says about itself (``GET /info``).

    Attributes:
        version: The server's version.
        license_expiration_time: End of a self-hosted server's licence.
        batch_ingest_config: How it wants runs to be sent.
        instance_flags: What it can do.
    """

    model_config = ConfigDict(extra="allow")

    version: str = ""
    license_expiration_time: datetime | None = None
    batch_ingest_config: BatchIngestConfig | None = None
    instance_flags: dict[str, Any] | None = None


class LangSmithSettings(BaseModel):
    """Settings of a workspace (``GET /settings``).

    Attributes:
        id: Workspace id.
        display_name: Its name for people.
        created_at: When it was made.
        tenant_handle: Owner part of its public prompts' names.
    """

    model_config = ConfigDict(extra="allow")

    id: str
    display_name: str
    created_at: datetime
    tenant_handle: str | None = None

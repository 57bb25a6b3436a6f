"""The rules of runs, free of transport and storage: services and stores both build on them."""

from __future__ import annotations

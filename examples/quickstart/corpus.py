"""The Python standard library's own documentation as documents: one for each function and class."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import warnings
from dataclasses import dataclass

MODULES = (
    "argparse array base64 bisect calendar codecs collections contextlib copy csv dataclasses datetime "
    "decimal difflib enum fileinput fnmatch fractions functools getpass glob gzip hashlib heapq hmac html "
    "inspect io ipaddress itertools json linecache logging math mimetypes operator os pathlib pickle "
    "platform pprint queue random re sched secrets shelve shlex shutil signal socket sqlite3 statistics "
    "string subprocess tempfile textwrap threading time timeit tokenize traceback types typing unicodedata "
    "urllib.parse uuid warnings weakref zipfile zlib"
).split()


@dataclass(frozen=True, slots=True)
class Document:
    """What the standard library says about one of its functions or classes."""

    name: str
    summary: str
    text: str


def load() -> list[Document]:
    """All documented public functions and classes of `MODULES`, by name."""
    documents: dict[str, Document] = {}
    warnings.simplefilter("ignore", DeprecationWarning)  # to read about a deprecated name is no use of it
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name, value in inspect.getmembers(module, inspect.isroutine) + inspect.getmembers(
            module, inspect.isclass
        ):
            text = inspect.getdoc(value)
            if name.startswith("_") or not text or not _belongs_to(value, module_name):
                continue
            full_name = f"{module_name}.{name}"
            documents[full_name] = Document(
                full_name, pydoc.splitdoc(text)[0] or text.partition("\n")[0], text
            )
    return sorted(documents.values(), key=lambda document: document.name)


def _belongs_to(value: object, module_name: str) -> bool:
    """Whether a name is the module's own, not one that it imported from elsewhere."""
    home = getattr(value, "__module__", None) or module_name
    return home.lstrip("_").split(".")[0] in (
        module_name.split(".", maxsplit=1)[0],
        "builtins",
        "posix",
        "nt",
        "posixpath",
    )

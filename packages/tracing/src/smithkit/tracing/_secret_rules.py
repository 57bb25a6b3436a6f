"""What secrets look like.

All patterns are linear: what repeats is a single class of characters, taken whole (``++``) and begun only
where no earlier match could have begun (the lookbehinds), so no text makes them go over it again and again.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smithkit.tracing.anonymizer import StringNodeRule

__all__ = ["PERSONAL_RULES", "SECRET_RULES", "is_secret_name"]

_OPAQUE = 16
_CARD_DIGITS = (13, 19)
_IBAN_CHARACTERS = 15

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_NAMES = frozenset(
    "apikey appkey accesskey accesskeyid accountkey authkey encryptionkey licensekey masterkey privatekey "
    "secretkey servicekey sharedkey signingkey sshkey storagekey subscriptionkey "
    "accesstoken apitoken authtoken bearertoken bottoken csrftoken idtoken refreshtoken sessiontoken "
    "auth authorization proxyauthorization credential credentials "
    "cookie cookies setcookie sessionid passphrase passcode passwd password passwords pwd secret secrets "
    "clientsecret webhooksecret connectionstring cvc cvv ssn".split()
)
_MOST_WORDS = 3


def is_secret_name(name: str, value: Any) -> bool:
    """Whether a value is a secret, by the name that it has in a dictionary.

    Names are compared by their last words, however they are written: ``api_key``, ``X-Api-Key``,
    ``openaiApiKey``. What stands under ``token`` is one if it is long and has no blanks, for pieces of a
    model's answer are called so too.

    Args:
        name: The name.
        value: The value; None, truth values and empty ones are no secrets.

    Example:
        >>> is_secret_name("OPENAI_API_KEY", "k"), is_secret_name("max_tokens", 5), is_secret_name("key", "k")
        (True, False, False)
    """
    if value is None or isinstance(value, bool) or value == "":
        return False
    words = [word.lower() for word in _WORDS.findall(name[-80:])][-_MOST_WORDS:]
    endings = accumulate(reversed(words), lambda tail, word: word + tail)
    if any(ending in _SECRET_NAMES for ending in endings):
        return True
    return words[-1:] == ["token"] and isinstance(value, str) and len(value) >= _OPAQUE and " " not in value


def _rule(pattern: str, replace: Any) -> StringNodeRule:
    return {"pattern": re.compile(pattern), "replace": replace}


_WITH_DIGIT = r"(?=[\w-]*?\d)[\w-]{16,}+"
_API_KEYS = (
    # OpenAI, Anthropic, OpenRouter; Stripe; Slack; DigitalOcean, Shopify
    r"(?:s(?:k-|k_live_|k_test_|hp(?:at|ca|pa|ss)_)|[pr]k_(?:live|test)_|whsec_|xox[a-z]-|xapp-|do[opr]_v1_"
    # GitHub, GitLab; Groq, xAI, Perplexity, Replicate, Tavily, Pinecone; Hugging Face, LangSmith
    r"|g(?:h[opsru]_|ithub_pat_|lpat-|sk_)|xai-|p(?:plx-|csk_|ypi-)|r8_|tvly-|hf_|l(?:sv2_|s__|in_api_)|n(?:pm_|tn_))"
    + _WITH_DIGIT,
    # AWS; Twilio
    r"A(?:KIA|SIA|GPA|IDA|ROA|IPA|NPA|NVA)[A-Z0-9]{16}(?!\w)|(?:SK|AC)[0-9a-f]{32}(?!\w)",
    # Google; SendGrid; Telegram
    r"AIza[\w-]{30,}+|GOCSPX-[\w-]{16,}+|ya29\.[\w-]{20,}+",
    r"SG\.[\w-]{16,}+\.[\w-]{16,}+|\d{8,10}:AA[\w-]{30,}+",
)

_NAMED = (
    r"(?:api|access|account|auth|private|secret|service|shared|signing|storage|subscription|encryption)[ _-]?key"
    r"|(?:access|api|auth|bearer|bot|id|refresh|session)[ _-]?token|token"
    r"|(?:client|webhook)[ _-]?secret|secret|pass(?:word|wd|phrase|code)|pwd"
)

# name=value; "name": "value"; and name: value in plain text, where the value does not look like a word.
_BARE = r"[^\s\"'\\,;&<>()\[\]{}]"
_ASSIGNED = rf"(?:\\?[\"']?\s{{0,4}}(?::=|=>?)\s{{0,4}}\\?[\"']?)(?P<assigned>{_BARE}{{4,}}+)"
_QUOTED = r"(?:\\?[\"']?\s{0,4}:\s{0,4}\\?[\"'])(?P<quoted>[^\s\"'\\]{4,}+)"
_SAID = rf"(?::\s{{0,4}})(?P<said>(?={_BARE}{{0,80}}?[\d!#$%^*+=@~]){_BARE}{{6,}}+)"


def _hide_named(match: re.Match[str]) -> str:
    """The name and what stands between, without the value."""
    return f"{match[0][: match.start(match.lastgroup or 0) - match.start()]}[secret]"


SECRET_RULES: tuple[StringNodeRule, ...] = (
    _rule(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^-]*+(?:-(?!----)[^-]*+)*+"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
        "[private key]",
    ),
    _rule(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+){0,3}", "[jwt]"),
    _rule(r"(://[^\s/:@\"'<>]*+:)[^\s/\"'<>]*@", r"\1[password]@"),
    _rule(rf"(?<![\w-])(?:{'|'.join(_API_KEYS)})", "[api key]"),
    _rule(r"(hooks\.slack\.com/services/)[\w/-]{20,}+", r"\1[api key]"),
    _rule(
        r"(?i:\b(bearer|basic|token)[ \t]{1,8})(?=[\w~+/.=-]*?(?:\d|[a-z][A-Z]|[~+=]))[\w~+/.=-]{16,}+",
        r"\1 [token]",
    ),
    _rule(rf"(?i:{_NAMED})(?:{_ASSIGNED}|{_QUOTED}|{_SAID})", _hide_named),
)
"""Secrets of programs: ``[api key]``, ``[jwt]``, ``[password]``, ``[private key]``, ``[secret]``, ``[token]``."""


def _hide_cards(match: re.Match[str]) -> str:
    """A run of digits, with the payment cards in it hidden."""
    text = match[0]
    groups = list(re.finditer(r"\d+", text))
    hidden: list[tuple[int, int]] = []
    skip = 0
    for first in range(len(groups)):
        if first >= skip and groups[first][0][0] in _ISSUERS_BEGIN:
            last = _card_from(groups, first)
            if last is not None:
                hidden.append((groups[first].start(), groups[last].end()))
                skip = last + 1
    return "".join(_with_mark(text, hidden, "[card]"))


def _card_from(groups: list[re.Match[str]], first: int) -> int | None:
    """The last group of a card number that begins with a group; the longest such number."""
    digits, found = "", None
    for index in range(first, len(groups)):
        digits += groups[index][0]
        if len(digits) > _CARD_DIGITS[1]:
            break
        if len(digits) >= _CARD_DIGITS[0] and _ISSUERS.match(digits) and _luhn(digits):
            found = index
    return found


_ISSUERS_BEGIN = "23456"
_ISSUERS = re.compile(
    r"(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[068]\d{12}|35\d{14}"
    r"|6(?:011|5\d\d|4[4-9]\d|2\d\d)\d{12,15})\Z"
)


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0  # noqa: PLR2004 - the checksum's own


def _with_mark(text: str, hidden: list[tuple[int, int]], mark: str) -> Iterator[str]:
    end = 0
    for start, stop in hidden:
        yield text[end:start]
        yield mark
        end = stop
    yield text[end:]


def _hide_iban(match: re.Match[str]) -> str:
    """The account number hidden, if its checksum is right."""
    for characters in (match[0], match[0].rpartition(" ")[0]):
        plain = characters.replace(" ", "")
        if len(plain) >= _IBAN_CHARACTERS and _iban_checks(plain):
            return "[iban]" + match[0][len(characters) :]
    return match[0]


def _iban_checks(iban: str) -> bool:
    return int("".join(str(int(one, 36)) for one in iban[4:] + iban[:4])) % 97 == 1


PERSONAL_RULES: tuple[StringNodeRule, ...] = (
    _rule(
        r"(?<![\w.%+-])(?!git@)[\w.%+-]++@(?:[\w-]++\.)*?[\w-]++\.[^\W\d_]{2,24}+(?![\w-])(?:\.\w[\w-]*+)*+",
        "[email]",
    ),
    _rule(r"(?<![\w])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])", _hide_iban),
    _rule(r"(?<!\w)(?<!\d\.)\d(?:[ -]?\d){12,}+", _hide_cards),
    _rule(r"(?<![\w+])\+\d(?:[ .()-]{0,2}\d){7,14}+(?!\w)", "[phone]"),
)
"""Data of persons: ``[email]``, ``[iban]``, ``[card]``, ``[phone]``."""

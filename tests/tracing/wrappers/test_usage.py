"""Golden tables: what providers count, and what a run says of it. Prices hang on each of these numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.tracing.wrappers._usage import anthropic_usage, gemini_usage, openai_usage


def usage(total_in, total_out, inputs=None, outputs=None, total=None):
    """The metadata of these counts."""
    details = {"input_token_details": inputs, "output_token_details": outputs}
    return {
        "input_tokens": total_in,
        "output_tokens": total_out,
        "total_tokens": total or total_in + total_out,
        **{name: found for name, found in details.items() if found},
    }


CHAT = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 30, "audio_tokens": 5},
    "completion_tokens_details": {
        "reasoning_tokens": 20,
        "audio_tokens": 3,
        "accepted_prediction_tokens": 1,
        "rejected_prediction_tokens": 2,
    },
}
RESPONSE = {
    "input_tokens": 100,
    "output_tokens": 50,
    "total_tokens": 150,
    "input_tokens_details": {"cached_tokens": 30},
    "output_tokens_details": {"reasoning_tokens": 20},
}


@pytest.mark.parametrize(
    ("counted", "tier", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, None, usage(3, 4)),
        (CHAT, None, usage(100, 50, {"cache_read": 30, "audio": 5}, {"reasoning": 20, "audio": 3})),
        (CHAT, "default", usage(100, 50, {"cache_read": 30, "audio": 5}, {"reasoning": 20, "audio": 3})),
        (
            CHAT,
            "flex",
            usage(
                100,
                50,
                {"flex_cache_read": 30, "flex": 70, "audio": 5},
                {"flex_reasoning": 20, "flex": 30, "audio": 3},
            ),
        ),
        (RESPONSE, None, usage(100, 50, {"cache_read": 30}, {"reasoning": 20})),
        (
            RESPONSE,
            "priority",
            usage(
                100,
                50,
                {"priority_cache_read": 30, "priority": 70},
                {"priority_reasoning": 20, "priority": 30},
            ),
        ),
        (
            {"input_tokens": 9, "output_tokens": 1, "input_tokens_details": {"cache_write_tokens": 4}},
            None,
            usage(9, 1, {"cache_creation": 4}),
        ),
        ({"prompt_tokens": 8, "total_tokens": 8, "completion_tokens": None}, None, usage(8, 0)),
        ({"prompt_tokens": 2, "completion_tokens": -1}, None, usage(2, 0)),
        (None, None, None),
        ({}, None, None),
    ],
)
def test_openai(counted, tier, expected):
    assert openai_usage(counted, tier) == expected


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ({"input_tokens": 10, "output_tokens": 20}, usage(10, 20)),
        (
            {
                "input_tokens": 10,
                "output_tokens": 20,
                "cache_read_input_tokens": 0,
                "cache_creation_input_tokens": 50,
            },
            usage(60, 20, {"cache_creation": 50}),
        ),
        (
            {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 100},
            usage(110, 20, {"cache_read": 100}),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 20,
                "cache_read_input_tokens": 100,
                "cache_creation_input_tokens": 50,
                "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 20},
            },
            usage(
                160,
                20,
                {"cache_read": 100, "ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 20},
            ),
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 2,
                "cache_creation_input_tokens": 50,
                "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0},
            },
            usage(51, 2, {"ephemeral_5m_input_tokens": 30, "cache_creation": 20}),
        ),
        (
            {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}},
            usage(1, 9, None, {"reasoning": 7}),
        ),
        (None, None),
    ],
)
def test_anthropic(counted, expected):
    assert anthropic_usage(counted) == expected


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (
            {"prompt_token_count": 5, "candidates_token_count": 2, "total_token_count": 7},
            usage(5, 2),
        ),
        (
            {
                "prompt_token_count": 100,
                "candidates_token_count": 20,
                "thoughts_token_count": 5,
                "cached_content_token_count": 40,
                "tool_use_prompt_token_count": 7,
                "total_token_count": 132,
            },
            usage(107, 25, {"cache_read": 40}, {"reasoning": 5}),
        ),
        (
            {
                "prompt_token_count": 100,
                "candidates_token_count": 9,
                "prompt_tokens_details": [
                    {"modality": "TEXT", "token_count": 60},
                    {"modality": "AUDIO", "token_count": 40},
                ],
                "candidates_tokens_details": [{"modality": "AUDIO", "token_count": 9}],
            },
            usage(100, 9, {"audio": 40}, {"audio": 9}),
        ),
        (
            {
                "prompt_token_count": 300_000,
                "candidates_token_count": 20,
                "cached_content_token_count": 1000,
            },
            usage(300_000, 20, {"cache_read": 1000, "over_200k": 99_000}),
        ),
        (
            {
                "prompt_token_count": 300_000,
                "candidates_token_count": 20,
                "cached_content_token_count": 250_000,
            },
            usage(300_000, 20, {"cache_read": 200_000, "cache_read_over_200k": 50_000}),
        ),
        ({"prompt_token_count": 5}, usage(5, 0)),
        ({}, None),
    ],
)
def test_gemini(counted, expected):
    assert gemini_usage(counted) == expected


counts = st.none() | st.integers(-10, 10**6)


def counted(*names):
    return st.dictionaries(st.sampled_from(names), counts)


@given(
    counted("prompt_tokens", "completion_tokens"),
    counted("cached_tokens", "audio_tokens"),
    counted("reasoning_tokens"),
    st.sampled_from([None, "flex", "priority"]),
)
def test_no_number_is_below_zero(totals, read, written, tier):
    found = openai_usage(
        {**totals, "prompt_tokens_details": read, "completion_tokens_details": written}, tier
    )

    numbers = [value for value in found.values() if isinstance(value, int)]
    for details in ("input_token_details", "output_token_details"):
        numbers += found.get(details, {}).values()
    assert min(numbers) >= 0

"""Prompts without LangChain: templates of text and of messages, read from manifests, which are data."""

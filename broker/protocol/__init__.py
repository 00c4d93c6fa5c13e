"""The words that both sides of the wire speak: ids, states, limits and messages.

Frozen pydantic models without behaviour; no I/O and no rules. The broker, the SDK and the worker
agent all import from here, so a field exists once. Every field carries one sentence; they become
the OpenAPI document.
"""

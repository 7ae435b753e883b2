"""YAML that people bring: plain values alone, no objects and no references."""

from __future__ import annotations

from typing import Any

import yaml

from mtbkd_core.common.progress import UserError


def plain_yaml(text: bytes | str, what: str) -> Any:
    """The value of a YAML text.

    Raises:
        UserError: no YAML, or one with references, a few of which may stand for gigabytes; the message begins with
            `what`.
    """
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise UserError(f"{what}: references (*name) are not allowed")
        return yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UserError(f"{what}: this is no YAML ({' '.join(str(error).split())[:200]})") from None

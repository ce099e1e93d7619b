# SPDX-License-Identifier: Apache-2.0

"""The records of cx-timelines' output topics, and tables of the current ones.

Made by `cx-timelines generate python`; change topics.yaml or the schemas instead of this file.

    from cx_timelines import Conversation, follow

    for change in follow(Conversation, {"bootstrap.servers": "127.0.0.1:9092"}):
        print(change.key, change.after.state if change.after else "deleted")

Needs Python 3.11 or later, and confluent-kafka to read topics. The values of the topics have to be JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

Json = Mapping[str, Any]
"""A JSON object."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _maybe(value: Any, read: Callable[[Any], _T]) -> _T | None:
    return None if value is None else read(value)


def _list(values: Any, read: Callable[[Any], _T]) -> list[_T]:
    return [read(value) for value in values or ()]

"""Typed settings: frozen dataclasses made from plain values, and the checks that they share.

Every check raises a `ConfigError` that names the setting, its value and what is allowed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from catenane.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "build",
    "fingerprint",
    "require_not_negative",
    "require_positive",
    "require_share",
    "require_types",
]

Settings = TypeVar("Settings", bound="DataclassInstance")


def build(kind: type[Settings], values: Mapping[str, Any], where: str = "") -> Settings:
    """Make a settings dataclass from plain values, refusing what it does not know.

    Args:
        kind: A dataclass.
        values: Plain values as JSON or TOML hold them; lists become tuples, tables become dataclasses.
        where: Dotted name of the table, for messages.

    Raises:
        ConfigError: An unknown key (the nearest known one is named), a value of the wrong type or range, or
            no value where there is no default.

    >>> from catenane.config import MaskingConfig
    >>> build(MaskingConfig, {"share": 0.2})
    MaskingConfig(policy='bert', share=0.2)
    >>> build(MaskingConfig, {"shore": 0.2}, where="masking")
    Traceback (most recent call last):
    catenane.errors.ConfigError: unknown setting 'masking.shore': did you mean 'masking.share'?
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where or kind.__name__} must be a table of settings, not {values!r}")
    types, prefix = get_type_hints(kind), f"{where}." if where else ""
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + key
        if key not in types:
            raise ConfigError(f"unknown setting {name!r}: {suggestion(key, types, prefix=prefix)}")
        arguments[key] = _convert(value, types[key], name)
    for needed in dataclasses.fields(kind):
        if needed.name not in arguments and needed.default is needed.default_factory is dataclasses.MISSING:
            raise ConfigError(f"setting {prefix}{needed.name} is missing")
    try:
        return kind(**arguments)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}" if where else str(error)) from None


def _convert(value: Any, kind: Any, name: str) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return value if isinstance(value, kind) else build(kind, value, name)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ConfigError(f"{name}={value!r} must be one of {', '.join(map(repr, get_args(kind)))}")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{name}={value!r} must be a list")
        return tuple(_convert(item, get_args(kind)[0], name) for item in value)
    if get_origin(kind) in (Union, UnionType):
        kind = next(option for option in get_args(kind) if option is not type(None))
        return None if value is None else _convert(value, kind, name)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{name}={value!r} must be {kind.__name__}, not {type(value).__name__}")
    return value


def require_types(settings: Any) -> None:
    """Refuse what `build` would refuse by its type, for settings that are made in Python."""
    for name, kind in get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        converted = _convert(value, kind, name)
        if converted is not value and converted != value:
            raise ConfigError(f"{name}={value!r} must be of type {type(converted).__name__}")


def require_not_negative(settings: Any, *names: str) -> None:
    """Refuse settings below zero."""
    for name in names:
        if getattr(settings, name) < 0:
            raise ConfigError(f"{name}={getattr(settings, name)} must not be negative")


def require_positive(settings: Any, *names: str) -> None:
    """Refuse settings that are not above zero."""
    for name in names:
        if not getattr(settings, name) > 0:
            raise ConfigError(f"{name}={getattr(settings, name)} must be greater than 0")


def require_share(settings: Any, *names: str) -> None:
    """Refuse settings that are no share below one."""
    for name in names:
        if not 0 <= getattr(settings, name) < 1:
            raise ConfigError(f"{name}={getattr(settings, name)} must lie in 0 <= {name} < 1")


def fingerprint(settings: Mapping[str, Any], *data: bytes) -> str:
    """Digest of settings and data, the same wherever both are the same."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for part in data:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()

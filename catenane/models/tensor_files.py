"""Tensors in safetensors files: written with the umask's permissions, checked before they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, load_file, save

from catenane.errors import BundleError

__all__ = [
    "Shapes",
    "read_sealed",
    "read_shapes",
    "read_tensors",
    "shapes_of",
    "write_sealed",
    "write_tensors",
]

Shapes = dict[str, tuple[str, tuple[int, ...]]]
"""Dtype, as safetensors names it, and shape of each tensor by name."""
DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
          "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "U8": torch.uint8, "I8": torch.int8,
          "BOOL": torch.bool}  # fmt: skip
UNREADABLE = (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading raises where bytes are not what they should be."""
UNSEALED = "0" * 64
"""Stands where the digest of a sealed file will stand."""


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors; the safetensors library's own writer would make the file unreadable for a group."""
    path.write_bytes(save(_writable(tensors), {"format": "pt"}))


def read_shapes(path: Path) -> Shapes:
    """Names, dtypes and shapes from the head of a file; no tensor is read.

    Raises:
        BundleError: It is truncated or not safetensors.
    """
    try:
        with safe_open(path, "pt") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}
    except UNREADABLE as error:
        raise BundleError(f"{path}: truncated or not safetensors ({error}); copy the folder again") from None


def read_tensors(path: Path, expected: Shapes | None = None) -> dict[str, torch.Tensor]:
    """Tensors of a file; their names, dtypes and shapes are compared with `expected` before any is read.

    Raises:
        BundleError: The file is truncated, not safetensors, or holds other tensors.
    """
    found = read_shapes(path)
    expected = found if expected is None else expected
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            raise BundleError(
                f"{path}: weights do not fit config.json: {name!r} is {_shown(found.get(name))}, expected "
                f"{_shown(expected.get(name))}; copy the folder again, or train the model again if an "
                "earlier version made it"
            )
    try:
        return load_file(path)
    except UNREADABLE as error:
        raise BundleError(f"{path}: truncated or not safetensors ({error}); copy the folder again") from None


def shapes_of(tensors: Mapping[str, torch.Tensor]) -> Shapes:
    """Dtypes and shapes as `read_shapes` gives them; the tensors may be on the meta device."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    return {name: (names[tensor.dtype], tuple(tensor.shape)) for name, tensor in tensors.items()}


def write_sealed(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata with a SHA-256 over all bytes of the file, inside the file itself."""
    data = bytearray(save(_writable(tensors), {**metadata, "sha256": UNSEALED}))
    place = data.index(UNSEALED.encode())
    data[place : place + len(UNSEALED)] = hashlib.sha256(data).hexdigest().encode()
    path.write_bytes(data)


def read_sealed(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors and metadata of a file that `write_sealed` wrote.

    Raises:
        BundleError: It is truncated, altered, or not such a file.
    """
    try:
        data = bytearray(path.read_bytes())
        length = int.from_bytes(data[:8], "little")
        metadata: dict[str, str] = json.loads(bytes(data[8 : 8 + length]))["__metadata__"]
        seal = metadata.pop("sha256")
        place = data.index(seal.encode())
        data[place : place + len(UNSEALED)] = UNSEALED.encode()
        if hashlib.sha256(data).hexdigest() != seal:
            raise BundleError(f"{path}: altered or damaged: its SHA-256 does not fit its content")
        return load(bytes(data)), metadata
    except UNREADABLE as error:
        raise BundleError(f"{path}: truncated, altered or not a file of tensors ({error})") from None


def _writable(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _shown(entry: tuple[str, tuple[int, ...]] | None) -> str:
    return "missing" if entry is None else f"{entry[0]} {list(entry[1])}"

"""Tensors of a PyTorch checkpoint, read without running what its pickle says.

A checkpoint is a ZIP archive: `data.pkl` with the objects, and the numbers of each storage in a file of its
own. Of the objects only containers and tensors are rebuilt; whatever else the pickle names becomes an empty
mapping, so that hyper-parameters and states of other programs do no harm and need no import.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

from catenane.errors import BundleError

__all__ = ["read_checkpoint"]

STORAGES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}  # fmt: skip
UNREADABLE = (OSError, zipfile.BadZipFile, pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError,
              AttributeError, IndexError, RuntimeError, RecursionError, MemoryError, NotImplementedError,
              ImportError)  # fmt: skip
"""What reading raises where bytes are not what they should be."""


class _Stored(NamedTuple):
    """A tensor whose numbers are still in the archive."""

    storage: tuple[torch.dtype, str]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The tensors under `state_dict` of a checkpoint, or of the file itself where there is no such key.

    Raises:
        BundleError: It is no archive that `torch.save` wrote, damaged, or holds no weights by name.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (index,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            folder = index.removesuffix("data.pkl") + "data/"
            with archive.open(index) as file:
                content = _reader(file).load()
            named = content.get("state_dict", content)
            stored = {name: part for name, part in named.items() if isinstance(part, _Stored)}
            tensors = {name: _read(archive, folder, part) for name, part in stored.items()}
    except UNREADABLE as error:
        raise BundleError(
            f"{path}: not a checkpoint of PyTorch 1.6 or later, or damaged: {type(error).__name__}: {error}"
        ) from None
    if not tensors:
        raise BundleError(f"{path}: a checkpoint without weights by name; expected those under state_dict")
    return tensors


def _reader(file: Any) -> pickle.Unpickler:
    class Inert(dict[Any, Any]):
        """Stands for any class or function; made here, so that no file can change it for the next one."""

        __hash__ = object.__hash__  # type: ignore[assignment]

        def __init__(self, *_: Any, **__: Any) -> None:
            super().__init__()

        def ignore(self, *_: Any) -> None:
            """Take what the pickle gives to an object."""

        def __call__(self, *_: Any, **__: Any) -> Inert:
            return self

        __setstate__ = append = extend = add = ignore

    class Tensor:
        """Stands for the function that makes a tensor of a storage."""

        def __new__(cls, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
            return _Stored(storage, offset, shape, strides)

    class Parameter:
        """Stands for the function that makes a parameter of a tensor."""

        def __new__(cls, tensor: Any, *_: Any) -> Any:
            return tensor

    rebuilt = {"_rebuild_tensor_v2": Tensor, "_rebuild_parameter": Parameter}

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if module == "torch" and name in STORAGES:
                return STORAGES[name]
            return rebuilt.get(name, Inert) if module == "torch._utils" else Inert

        def persistent_load(self, pid: Any) -> Any:
            _, dtype, key, *_ = pid
            return dtype, key

    return Reader(file)


def _read(archive: zipfile.ZipFile, folder: str, stored: _Stored) -> torch.Tensor:
    dtype, key = stored.storage
    flat = torch.frombuffer(bytearray(archive.read(folder + key)), dtype=dtype)
    if math.prod(stored.shape) > len(flat):
        raise ValueError(f"a tensor of shape {list(stored.shape)} in {len(flat):,} numbers")
    return flat.as_strided(stored.shape, stored.strides, stored.offset).clone()

"""What a run starts from: a recipe, the bundle whose encoder it takes over, the tokenizer of its corpora."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from torch import nn

from catenane.adsorption import Uptake
from catenane.config import LOSSES, Recipe, Task, load_recipe
from catenane.data import stream_strings
from catenane.descriptors import HAS_GRAPH
from catenane.errors import ConfigError, DataError, NotationError, UsageError
from catenane.models.bundle import Bundle, load_bundle
from catenane.models.graphs import import_geometric
from catenane.notation import NotationName, detect_notation, get_notation, normalise
from catenane.tokenizers import StringTokenizer, build_tokenizer, load_tokenizer

__all__ = [
    "DEFAULT_MODELS", "Start", "choose_members", "choose_start", "choose_tokenizer", "start_from",
    "with_shapes_of",
]  # fmt: skip

DEFAULT_MODELS: Mapping[NotationName, str] = {"smiles": "mol-base", "mofid": "mof-uptake"}
"""The bundled model whose frozen encoder and head a table of a notation starts from."""
OF_A_NETWORK = ("encoder.", "finetuning.")
"""Settings that only an encoder or a head has that learns by gradient descent."""
LOSS = "finetuning.loss"
SAMPLE = 200
"""Strings of a corpus that its notation is detected from."""
CROSS_ATTENTION = ".cross_attention"
"""In the names of weights by which a decoder attends to what is read."""


@dataclass(frozen=True)
class Start:
    """What a fine-tuning starts from."""

    model: str | Path | None
    """Name or folder of `parent`."""
    parent: Bundle | None
    """Pretrained bundle, if there is one."""
    recipe: Recipe
    """Shapes and training."""

    @property
    def frozen(self) -> bool:
        """Whether the encoder stays as it is: then no row has to choose an epoch."""
        return self.parent is not None and not self.recipe.finetuning.encoder_rate

    @property
    def usual_shares(self) -> tuple[float, float, float]:
        """Of train, valid and test."""
        return (0.9, 0.0, 0.1) if self.frozen else (0.8, 0.1, 0.1)


def choose_start(
    notation: NotationName,
    targets: Sequence[str],
    model: str | Path | None,
    recipe: str | Path | Recipe | None,
    settings: Mapping[str, Any],
    task: Task,
) -> Start:
    """What is given; else the bundled model of the notation, or the recipe `small` from scratch.

    A recipe that trains an encoder, or a setting of one or of its training, means to start from scratch; a
    loss alone means networks on a frozen one. Without a recipe that of the model counts, its isotherms for
    uptakes alone.

    Raises:
        UsageError: The loss that is set is none of this task, or the head has none.
    """
    loss = settings.get(LOSS)
    chosen = recipe if recipe is None or isinstance(recipe, Recipe) else load_recipe(recipe)
    if chosen is not None:
        changed = chosen.with_settings(settings)
        trains = changed.finetuning.encoder_rate > 0 and not (changed.graph and changed.graph.reads_states)
    else:
        trains = any(name.startswith(OF_A_NETWORK) and name != LOSS for name in settings)
    if model is None and not trains:
        model = DEFAULT_MODELS[notation]
    parent = None if model is None else load_bundle(model)
    if chosen is None and parent is None:
        chosen = load_recipe("small")
    elif chosen is None and parent is not None:
        chosen = parent.config.recipe
        if chosen.head.isotherm_sites and not all(map(Uptake.parse, targets)):
            chosen = chosen.with_settings({"head.isotherm_sites": 0, "head.target_scale": "auto"})
    assert chosen is not None
    chosen = chosen.with_settings(settings)
    if loss is not None and loss not in LOSSES[task]:
        raise UsageError(f"loss {loss!r} is not for {task}: expected {' or '.join(LOSSES[task])}")
    if loss is not None and chosen.head.kind == "gaussian-process":
        raise UsageError(f"a Gaussian process has no loss to be {loss!r}: set head.kind=network")
    if loss is not None and chosen.head.kind == "auto":
        chosen = chosen.with_settings({"head.kind": "network"})
    with_encoder_of(chosen, notation, parent)
    return Start(model, parent, chosen)


def with_encoder_of(recipe: Recipe, notation: NotationName, parent: Bundle | None) -> Recipe:
    """The recipe with the encoder's shape of the pretrained bundle, where there is one.

    Raises:
        UsageError: A graph network is to read what has no graph, or the states of no model, or a model is
            given that it has no place for.
        MissingDependencyError: There is no PyTorch Geometric for its layers.
    """
    graph, given = recipe.graph, parent.config.recipe.graph if parent else None
    if graph is not None and notation not in HAS_GRAPH:
        raise UsageError(
            f"recipe {recipe.name!r} reads the atoms of molecules, and the strings are {notation}: take "
            "a recipe that reads tokens, such as small"
        )
    if graph is not None and graph.reads_states and parent is None:
        raise UsageError(f"recipe {recipe.name!r} reads atoms by a pretrained model: give one")
    if graph is not None and not graph.reads_states and parent is not None and given is None:
        raise UsageError(
            f"recipe {recipe.name!r} starts from no pretrained model: leave it out, or take one that "
            "reads its states of atoms, such as gat-chem"
        )
    if graph is not None:
        import_geometric()
    shape = parent.config.recipe.encoder if parent else recipe.encoder
    return dataclasses.replace(recipe, encoder=shape, graph=given or graph)


def choose_members(start: Start, members: int | None) -> tuple[Start, int]:
    """What is trained where so many members are wanted, and how many whole models of it.

    Over a frozen encoder they are heads of one model, which are networks; else whole models.

    Raises:
        UsageError: The head is a Gaussian process, whose members would all be one.
    """
    if members is None or not start.frozen:
        return start, members or 1
    if start.recipe.head.kind == "gaussian-process":
        raise UsageError("a Gaussian process has no members: leave them out, or set head.kind=network")
    changes = {"head.members": members, "head.kind": "network"}
    return dataclasses.replace(start, recipe=start.recipe.with_settings(changes)), 1


def choose_tokenizer(
    corpora: Sequence[str | Path],
    wanted: str | Path | None,
    column: str | None,
    data_dir: str | Path | None,
) -> StringTokenizer:
    """The tokenizer for these corpora.

    Args:
        corpora: Files of strings, or names of registered data sets.
        wanted: Name or path; "corpus" for the shipped one with all further tokens of the corpora, "scratch"
            for their own alone; else the shipped one, that of MOFids where any corpus holds them, for it
            reads SMILES as well.
        column: Column of the strings.
        data_dir: Local copies of the registered data sets.

    Raises:
        UsageError: Standard input would have to be read twice.
        ConfigError: There is no such tokenizer.
    """
    if wanted is not None and str(wanted) not in ("corpus", "scratch"):
        return load_tokenizer(wanted)
    if any(str(source) == "-" for source in corpora):
        raise UsageError("standard input cannot be read twice: say --tokenizer smiles or mofid")

    def strings(source: str | Path) -> Iterator[str]:
        rows = stream_strings(source, string_column=column, data_dir=data_dir, on_rejection=lambda _: None)
        return (text for _, text in rows)

    try:
        notations = [detect_notation(list(islice(strings(source), SAMPLE))) for source in corpora]
    except (NotationError, DataError) as error:
        raise DataError(f"{error}; text is read with --tokenizer, see catenane tokenizer train") from None
    widest = next(name for name in notations if all(map(get_notation(name).reads, notations)))
    if wanted is None:
        return load_tokenizer(widest)
    readable = (
        text
        for source, notation in zip(corpora, notations, strict=True)
        for text in _readable(strings(source), notation)
    )
    base = load_tokenizer(widest) if str(wanted) == "corpus" else None
    return build_tokenizer(readable, widest, base=base)


def with_shapes_of(parent: Bundle, recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with the shapes of a model that training goes on with; settings that are given still win.

    A model that does not write leaves the decoder to the recipe.
    """
    parts = ("encoder", "decoder", "token_head") if parent.config.generates else ("encoder",)
    shapes = {part: getattr(parent.config.recipe, part) for part in parts}
    own = {name: value for name, value in settings.items() if name.split(".")[0] in parts}
    return dataclasses.replace(recipe, **shapes).with_settings(own)


def start_from(network: nn.Module, parent: Bundle, *, reads_whole: bool = False) -> None:
    """Start from the weights of a trained model, of one of properties those of its encoder.

    The vocabulary may have grown. A decoder that has only filled holes attends to what is beside them. Where
    `reads_whole`, where it is to write what it reads in another form, that habit costs more than it gives
    (docs/reproduction/mass.md), and the cross-attention stays as it is in the network.

    Raises:
        ConfigError: The encoder of the model is of another kind, or of other shapes.
    """
    own = network.state_dict()
    theirs = [name for name in parent.model.state_dict() if name.startswith("encoder.")]
    if strange := next((name for name in theirs if name not in own), None):
        raise ConfigError(
            f"the encoder of the model is of another kind: {strange.removeprefix('encoder.')} has no place "
            "in this one; start from a model that reads tokens, or from none"
        )
    has_filled = parent.config.recipe.objective == "mass" and "translates" not in parent.card
    for name, tensor in parent.model.state_dict().items():
        if name not in own or (parent.config.targets and not name.startswith("encoder.")):
            continue
        if reads_whole and has_filled and CROSS_ATTENTION in name:
            continue
        if own[name].shape[1:] != tensor.shape[1:] or len(own[name]) < len(tensor):
            raise ConfigError(
                f"{name} has shape {tuple(tensor.shape)} in the model and {tuple(own[name].shape)} in the "
                "recipe: leave settings of shapes to the model"
            )
        own[name][: len(tensor)] = tensor


def _readable(strings: Iterable[str], notation: NotationName) -> Iterator[str]:
    """Strings as the model will read them; the others are reported when the corpus is written."""
    for text in strings:
        with suppress(NotationError):
            yield normalise(text, notation)

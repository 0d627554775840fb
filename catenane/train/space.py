"""What tuning tries: settings by name with their choices or ranges, and the next draw from them.

Draws are those of the tree-structured Parzen estimator of Optuna, seeded by their number: what was stopped
goes on as if it had not been.

Source: J. Bergstra et al., Advances in Neural Information Processing Systems 2011, 24, 2546.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catenane.config import RECIPES
from catenane.errors import ConfigError, MissingDependencyError
from catenane.settings import build
from catenane.train.loop import seed_of
from catenane.train.start import Start

__all__ = ["Space", "Trial", "import_optuna", "load_space", "propose"]

Space = dict[str, dict[str, Any]]
"""By the name of a way to train, the choices (a list) or the range (a dict, see `Range`) of each setting."""
Trial = dict[str, Any]
"""`way`, "" for the recipe as it is, and `settings`; `errors` of each fold, their mean `error` or None,
`failure`, why there is none, or "", and `seconds`."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """Values between two ends, whole ones where both ends are."""

    low: float
    high: float
    log: bool = False
    """Whether magnitudes are drawn evenly instead of values."""

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ConfigError(f"low={self.low:g} must lie below high={self.high:g}, and above 0 with log")


def load_space(path: str | Path | None, start: Start, given: Mapping[str, Any], *, few_rows: bool) -> Space:
    """The space in a file, or of the package, without what is given; every value is tried on the recipe.

    A way to train that contradicts the kind of the recipe's head is left out, and on many rows the Gaussian
    process, unless the recipe has one.

    Raises:
        ConfigError: It names what is no setting, or a value that is not allowed, or nothing is left.
    """
    if path is None:
        notation = start.parent.config.notation if start.parent is not None else ""
        kind_of = "graph" if start.recipe.graph else "encoder"
        path = RECIPES / "spaces" / (f"frozen-{notation}.toml" if start.frozen else f"{kind_of}.toml")
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file of settings: {error}") from None
    kind = start.recipe.head.kind
    if kind == "auto" and not few_rows:
        kind = "network"
    space: Space = {}
    for way, settings in tables.items():
        if not isinstance(settings, dict):
            raise ConfigError(f"{path}: {way!r} must stand in a table of settings")
        for name, values in settings.items():
            where = f"{path}: {way}: {name}"
            if isinstance(values, dict):
                build(Range, values, where)
            elif not isinstance(values, list) or not values:
                raise ConfigError(f"{where} must be a list of choices, or a range {{ low = 1, high = 5 }}")
            for value in values if isinstance(values, list) else (values["low"], values["high"]):
                start.recipe.with_settings({name: value})
        if kind == "auto" or kind in settings.get("head.kind", [kind]):
            space[way] = {name: values for name, values in settings.items() if name not in given}
    if not any(space.values()):
        raise ConfigError(f"{path}: no setting is left to be tuned beside those that are given")
    return space


def propose(space: Space, done: Sequence[Trial], seed: int) -> tuple[str, dict[str, Any]]:
    """A way to train and its settings, given the trials before; the same whenever it is asked."""
    optuna = import_optuna()
    sampler = optuna.samplers.TPESampler(seed=seed_of(seed, len(done)) % 2**32)
    study = optuna.create_study(sampler=sampler)
    for trial in done:
        if trial["way"]:
            way = trial["way"]
            known = {
                _name(way, name): value if isinstance(space[way][name], dict) else json.dumps(value)
                for name, value in trial["settings"].items()
            }
            study.enqueue_trial({"way": way, **known})
            replayed = study.ask()
            _draw(replayed, space)
            if trial["error"] is None:
                study.tell(replayed, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(replayed, trial["error"])
    return _draw(study.ask(), space)


def _draw(trial: Any, space: Space) -> tuple[str, dict[str, Any]]:
    way = trial.suggest_categorical("way", list(space))
    settings = {}
    for name, values in space[way].items():
        if isinstance(values, list):
            # As text, since a choice may be a list.
            choice = trial.suggest_categorical(_name(way, name), [json.dumps(value) for value in values])
            settings[name] = json.loads(choice)
            continue
        low, high = values["low"], values["high"]
        suggest = trial.suggest_int if isinstance(low, int) and isinstance(high, int) else trial.suggest_float
        settings[name] = suggest(_name(way, name), low, high, log=values.get("log", False))
    return way, settings


def _name(way: str, setting: str) -> str:
    """Of a parameter; the same setting of two ways is two."""
    return f"{way}: {setting}"


def import_optuna() -> Any:
    """The library; `MissingDependencyError` where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise MissingDependencyError("optuna", extra="tune", purpose="to tune settings") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna

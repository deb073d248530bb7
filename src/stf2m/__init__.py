"""Personal, readable, fine-grained emotion recognition from a few labelled seconds (ST-F2M)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from stf2m.app.conform import segments_for
    from stf2m.app.estimator import PersonalClassifier
    from stf2m.app.labels import read_labels
    from stf2m.app.personalise import personalise
    from stf2m.app.predict import predict, read_out
    from stf2m.app.timeline import write_timeline
    from stf2m.core.errors import Stf2mError
    from stf2m.core.prediction import Prediction, Status
    from stf2m.core.records import Annotation, Rating, Recording, Segments, Stream
    from stf2m.data.datasets import open_dataset
    from stf2m.data.readers import read
    from stf2m.prepare.cut import cut
    from stf2m.prepare.prepared import prepared_from
    from stf2m.prepare.recipe import CutRecipe, Recipe, SignalRecipe
    from stf2m.tasks.loader import load_batch
    from stf2m.training.bundle import load_bundle, save_bundle, save_edited
    from stf2m.training.config import TrainConfig
    from stf2m.training.edits import edit_rules
    from stf2m.training.run import train

_PLACES = {
    "Annotation": "core.records",
    "CutRecipe": "prepare.recipe",
    "PersonalClassifier": "app.estimator",
    "Prediction": "core.prediction",
    "Rating": "core.records",
    "Recipe": "prepare.recipe",
    "Recording": "core.records",
    "Segments": "core.records",
    "SignalRecipe": "prepare.recipe",
    "Status": "core.prediction",
    "Stf2mError": "core.errors",
    "Stream": "core.records",
    "TrainConfig": "training.config",
    "cut": "prepare.cut",
    "edit_rules": "training.edits",
    "load_batch": "tasks.loader",
    "load_bundle": "training.bundle",
    "open_dataset": "data.datasets",
    "personalise": "app.personalise",
    "predict": "app.predict",
    "prepared_from": "prepare.prepared",
    "read": "data.readers",
    "read_labels": "app.labels",
    "read_out": "app.predict",
    "save_bundle": "training.bundle",
    "save_edited": "training.bundle",
    "segments_for": "app.conform",
    "train": "training.run",
    "write_timeline": "app.timeline",
}
"""public name -> module; loaded when first asked for, so that `import stf2m` costs nothing"""

__all__ = [*sorted(_PLACES), "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'stf2m' has no attribute {name!r}")
    return getattr(import_module(f"stf2m.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__

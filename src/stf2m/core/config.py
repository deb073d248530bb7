"""TOML text -> frozen settings; an unknown key names its neighbours."""

import hashlib
import json
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stf2m.core.errors import InvalidConfig


class Settings(BaseModel):
    """Base of every settings record: frozen, keyword-only, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def facts(self) -> dict[str, Any]:
        """Every setting as JSON would hold it; those that came `later` only where they are not as before."""
        dumped = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if isinstance(field.json_schema_extra, dict) and value == field.json_schema_extra.get(LATER, ...):
                del dumped[name]
            elif isinstance(value, Settings):
                dumped[name] = value.facts()
        return dumped

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that change whenever any setting changes."""
        return hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()[:12]


LATER = "later"


SAME: Any = object()


def later(default: Any, *, before: Any = SAME, **options: Any) -> Any:
    """A setting that was added when results already stood: the value that means "as before" leaves every hash alone.

    That is its default, unless `before` names another one.
    """
    return Field(default=default, json_schema_extra={LATER: default if before is SAME else before}, **options)


S = TypeVar("S", bound=Settings)


def build(kind: type[S], values: dict[str, Any], *, where: str) -> S:
    """Validate `values` as `kind`; raises `InvalidConfig` in one sentence."""
    try:
        return kind.model_validate(values)
    except ValidationError as problem:
        # a misspelt key also leaves its right spelling "missing": the misspelling is what helps
        first = min(problem.errors(), key=lambda error: error["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = sorted(_model_at(kind, first["loc"][:-1]).model_fields)
            close = get_close_matches(str(first["loc"][-1]), known, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else f"known keys: {', '.join(known)}"
            raise InvalidConfig(f"there is no key {key!r}", where=where, hint=hint) from None
        if first["type"] == "missing":
            raise InvalidConfig(f"the key {key!r} is missing", where=where) from None
        said = first["msg"].removeprefix("Value error, ")
        if not key:  # what is wrong with the whole names it already
            raise InvalidConfig(said, where=where) from None
        raise InvalidConfig(f"{key}: {said}", where=where, got=repr(first["input"])[:80]) from None


def _model_at(kind: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    """The nested settings record at `path`, so that an unknown key meets its own neighbours."""
    for part in path:
        field = kind.model_fields.get(str(part))
        inner: list[Any] = [field.annotation] if field else []
        while inner and not (isinstance(inner[0], type) and issubclass(inner[0], BaseModel)):
            inner = [*get_args(inner[0]), *inner[1:]]
        kind = inner[0] if inner else kind
    return kind


def load_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file; raises `InvalidConfig` with the line when it does not parse."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidConfig("no such file", where=path, hint="check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InvalidConfig(f"not valid TOML: {problem}", where=path, hint="mend that line") from None


def without_none(value: Any) -> Any:
    """TOML has no null: settings that are None are left out and come back as their default."""
    if isinstance(value, dict):
        return {k: without_none(v) for k, v in value.items() if v is not None}
    return [without_none(v) for v in value] if isinstance(value, list) else value

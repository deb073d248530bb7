"""TOML text -> frozen settings; an unknown key names its neighbours."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stf2m.core.errors import InvalidConfig
from stf2m.core.refusal import refusal


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
        raise refusal(problem, kind, values, where=where) from None


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

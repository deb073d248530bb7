"""One JSON object per line; a resumed run forgets the lines of steps that it will take again."""

import json
from pathlib import Path

from stf2m.core.files import atomic_write_text


class JsonLines:
    """Append facts to a file. `keep_until`: lines of later steps are dropped at the start."""

    def __init__(self, path: Path, keep_until: int = 0):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        kept = []
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.endswith("}") and json.loads(line).get("step", 0) <= keep_until:
                    kept.append(line + "\n")
        atomic_write_text(path, "".join(kept))

    def write(self, facts: dict[str, float]) -> None:
        """One line, flushed."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({name: round(value, 6) for name, value in facts.items()}) + "\n")

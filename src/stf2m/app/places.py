"""Where things of people lie.

    FOLDER/adaptations/p-<person>/<bundle>/adaptation.safetensors, adaptation.json
    FOLDER/adaptations/p-<person>/timelines.json     files that were written from this person's answers
    STORE/prepared/<recipe>/                         prepared signals of a store
    RUNS/**/stores/<data set>/<recipe>/              prepared signals of studies, trainings and demos
    RUNS/**/NAME.csv, NAME/timelines/, NAME.html     rows, timelines and page of a study or demo
    RUNS/**/NAME/elsewhere.json                      pages and figures that were made of the rows and written to other places
    RUNS/training/<study>/people.json                whose recordings an unfinished or finished training has read

FOLDER is a store written by `stf2m import`, where everything is registered as derived, or any other folder.
"""

from collections.abc import Iterable
from pathlib import Path

from stf2m.core.files import place_of, read_json, write_json

TIMELINES, PEOPLE, ELSEWHERE = "timelines.json", "people.json", "elsewhere.json"


def folder_beside(bundle: Path) -> Path:
    """The default folder of people: beside the bundle, never inside, so that a shared bundle shares nobody."""
    return bundle.with_name(f"{bundle.name}.people")


def folder_of_person(folder: Path, person: str) -> Path:
    """Where a person's adaptations lie; any name is a safe folder name."""
    return place_of(Path(folder) / "adaptations", person)


def note_pages(rows: Path, pages: Iterable[Path]) -> None:
    """Remember that these pages and figures were made of a results file, so that forgetting one of its people finds them."""
    write_json(rows.with_suffix("") / ELSEWHERE, sorted({str(path.resolve()) for path in (*pages_elsewhere(rows), *pages)}))


def pages_elsewhere(rows: Path) -> list[Path]:
    """Pages and figures of a results file that were written to other places, whether they are still there or not."""
    note = rows.with_suffix("") / ELSEWHERE
    return [Path(name) for name in read_json(note)] if note.exists() else []

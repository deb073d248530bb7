"""Where things of people lie.

    FOLDER/adaptations/p-<person>/<bundle>/adaptation.safetensors, adaptation.json
    FOLDER/adaptations/p-<person>/timelines.json     files that were written from this person's answers
    STORE/prepared/<recipe>/                         prepared signals of a store
    RUNS/**/stores/<data set>/<recipe>/              prepared signals of studies, trainings and demos
    RUNS/**/NAME.csv, NAME/timelines/, NAME.html     rows, timelines and page of a study or demo
    RUNS/training/<study>/people.json                whose recordings an unfinished or finished training has read

FOLDER is a store written by `stf2m import`, where everything is registered as derived, or any other folder.
"""

from pathlib import Path

from stf2m.core.files import place_of

TIMELINES, PEOPLE = "timelines.json", "people.json"


def folder_beside(bundle: Path) -> Path:
    """The default folder of people: beside the bundle, never inside, so that a shared bundle shares nobody."""
    return bundle.with_name(f"{bundle.name}.people")


def folder_of_person(folder: Path, person: str) -> Path:
    """Where a person's adaptations lie; any name is a safe folder name."""
    return place_of(Path(folder) / "adaptations", person)

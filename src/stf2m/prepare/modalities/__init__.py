"""Every modality that can be prepared: one file each, one line here."""

from stf2m.prepare.modality import Modality

MODALITIES: dict[str, Modality] = {}

"""How many of a thing, in words."""


def counted(count: int, one: str, many: str = "") -> str:
    """`1 person`, `3 people`; without `many` an s is added."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"

"""What a unit's own lines mean by `%n`, `%i` and the like (systemd.unit(5), specifiers). Pure."""

from runaway_watchdog.patterns import Pattern

_SPECIFIER = Pattern(r"%(.)")
_ESCAPED = Pattern(r"\\x([0-9a-fA-F]{2})")


def filled(text: str, unit: str) -> str:
    """The text as that unit reads it; what says anything but the unit's name stands as it is."""
    name = unit.rpartition(".")[0] or unit
    prefix, _, instance = name.partition("@")
    values = {"n": unit, "N": name, "p": prefix, "i": instance, "%": "%"}
    values |= {"P": unescaped(prefix), "I": unescaped(instance), "j": prefix.rpartition("-")[2]}
    return _SPECIFIER.sub(lambda found: values.get(found[1], found[0]), text)


def template(unit: str) -> str:
    """What an instance is made of: `a@.service` of `a@b.service`; the unit itself where it is none."""
    prefix, at, rest = unit.partition("@")
    return f"{prefix}@.{rest.rpartition('.')[2]}" if at else unit


def unescaped(text: str) -> str:
    """As systemd-escape(1) has it."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text.replace("-", "/"))

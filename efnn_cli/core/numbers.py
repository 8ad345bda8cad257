"""Numbers for people: four digits at most, and an uncertainty in brackets, as in 0.134(3) and 8.6(4)e-4.

The digits in brackets are the uncertainty of the last digits before them: 0.134(3) is 0.134 +- 0.003.
"""

from __future__ import annotations

import math

DIGITS = 4
SMALL, LARGE = 1e-2, 1e6  # numbers outside are written with a power of ten
UNDEFINED = "-"


def number(value: object, digits: int = DIGITS) -> str:
    """Return a number with at most this many significant digits, `-` for None, and any other value in words."""
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float) or not math.isfinite(value) or value == 0:
        return f"{value:g}" if isinstance(value, float) else str(value)
    rounded = float(f"{value:.{digits - 1}e}")
    power = math.floor(math.log10(abs(rounded)))
    if SMALL <= abs(rounded) < LARGE:
        return _without_zeros(f"{value:.{max(digits - 1 - power, 0)}f}")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{_without_zeros(mantissa)}e{int(exponent)}"


def with_error(value: float, error: float | None) -> str:
    """Return `value` with its uncertainty in brackets, or with three digits where the `error` is unknown.

    The uncertainty has one digit, and two where the first one is 1.
    """
    if error is None or not (math.isfinite(value) and 0 < error < math.inf):
        return number(value, 3)
    two = f"{error:.1e}"
    digits, power = (two if two.startswith("1") else f"{error:.0e}").split("e")
    digits = digits.replace(".", "")
    last = int(power) - len(digits) + 1  # the power of ten of the last digit that is known
    value, error = round(value, -last), round(error, -last)
    size = max(abs(value), error)
    scale = 0 if SMALL <= size < LARGE else math.floor(math.log10(size))
    places = max(scale - last, 0)
    mantissa, bar = (f"{each / 10.0**scale:.{places}f}" for each in (value, error))
    return f"{mantissa}({digits if float(bar) < 1 else bar})" + (f"e{scale}" if scale else "")


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text

"""What the support of a device and of its operating system is flagged for."""

from collections.abc import Iterator
from datetime import date

from agent.core.hardware import Confidence, HardwareFlag, Reason, Support


def flags(
    target: str,
    support: Support | None,
    os_support: Support | None,
    today: date,
    lead_days: int,
    *,
    model: str = "",
) -> tuple[HardwareFlag, ...]:
    """Return the flags of one device; a day of support is still supported.

    Args:
        support: of the hardware; None where no table knows it.
        os_support: of the operating system.
        lead_days: how long before an end it is flagged as coming.
        model: "" where it is not known: then there is nothing to look up, and nothing is flagged as unknown.
    """
    found: list[HardwareFlag] = []
    if support is not None:
        found.extend(_hardware(target, support, today, lead_days))
    elif model:
        detail = f"no lifecycle table has {model}: its support dates are unknown"
        found.append(HardwareFlag(target, Reason.UNKNOWN_LIFECYCLE, "info", detail, "lifecycle tables"))
    if os_support is not None:
        found.extend(_system(target, os_support, today, lead_days))
    return tuple(found)


def _hardware(target: str, support: Support, today: date, lead_days: int) -> Iterator[HardwareFlag]:
    fixes, ended = support.end_of_security_fixes, support.end_of_support
    over = False
    if ended is not None and ended < today:
        over = True
        yield _flag(target, Reason.END_OF_SUPPORT, "warning", support, "support", ended, today)
    elif ended is not None and (ended - today).days <= lead_days:
        yield _flag(target, Reason.END_OF_SUPPORT_SOON, "info", support, "support", ended, today)
    if fixes is not None and fixes < today:
        over = True
        yield _flag(target, Reason.END_OF_SECURITY_FIXES, "warning", support, "security fixes", fixes, today)
    if over:  # what ended before says nothing more
        return
    for reason, what, day in (
        (Reason.END_OF_SOFTWARE_MAINTENANCE, "software maintenance", support.end_of_software_maintenance),
        (Reason.END_OF_SALE, "sale", support.end_of_sale),
    ):
        if day is not None and day < today:
            yield _flag(target, reason, "info", support, what, day, today)


def _system(target: str, support: Support, today: date, lead_days: int) -> Iterator[HardwareFlag]:
    end = support.end_of_security_fixes or support.end_of_support
    if end is None:
        return
    if end < today:
        yield _flag(target, Reason.OS_END_OF_LIFE, "warning", support, "security fixes", end, today)
    elif (end - today).days <= lead_days:
        yield _flag(target, Reason.OS_END_OF_LIFE_SOON, "info", support, "security fixes", end, today)


def _flag(
    target: str, reason: Reason, severity: str, support: Support, what: str, day: date, today: date
) -> HardwareFlag:  # fmt: skip
    verb = "ended" if day < today else "end" if what.endswith("s") else "ends"
    latest = ", at the latest" if support.confidence is Confidence.ASSUMED else ""
    checked = f", checked {support.checked_on}" if support.checked_on is not None else ""
    detail = f"{what} of {support.product} {verb} {day}{latest} ({support.matched})"
    source = f"{support.source} [{support.table}{checked}]"
    return HardwareFlag(target, reason, severity, detail, source, support.confidence, day)

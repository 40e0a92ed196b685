"""Whether the asset register and a device say the same: people write models and makers as they like."""

import re
from typing import Final

# names of one maker: bought, renamed, abbreviated
_MAKERS: Final = (
    frozenset({"hp", "hpe", "hewlett", "aruba", "procurve", "3com", "h3c", "comware", "colubris"}),
    frozenset({"apc", "american", "schneider"}),
    frozenset({"dell", "emc", "force10", "sonicwall", "equallogic"}),
    frozenset({"ibm", "lenovo"}),
    frozenset({"brocade", "foundry", "ruckus", "commscope", "broadcom", "extreme", "avaya", "nortel", "enterasys"}),
    frozenset({"cisco", "meraki", "linksys"}),
    frozenset({"oracle", "sun"}),
    frozenset({"juniper", "netscreen", "mist"}),
    frozenset({"fujitsu", "siemens"}),
    frozenset({"eaton", "powerware", "mge"}),
    frozenset({"vertiv", "liebert", "emerson", "avocent", "geist"}),
    frozenset({"ubiquiti", "ubnt", "unifi"}),
    frozenset({"palo", "paloalto"}),
    frozenset({"huawei", "xfusion", "quidway"}),
    frozenset({"microsoft", "windows"}),
)
_LINUX: Final = "linux"
_LINUXES: Final = frozenset({
    _LINUX, "debian", "ubuntu", "rhel", "redhat", "centos", "rocky", "almalinux", "alma", "suse", "sles", "opensuse",
    "fedora", "raspbian", "alpine",
})  # fmt: skip
_TELLING: Final = 3  # letters and digits of a word that tells a model: "2960", not "g2"


def same_vendor(register: str, device: str) -> bool:
    """Say whether two names may be of one maker: they share a word, or are known to be one."""
    ours, theirs = _words(register), _words(device)
    if _squeezed(register) in _squeezed(device) or _squeezed(device) in _squeezed(register) or ours[:1] == theirs[:1]:
        return True
    return any(maker.intersection(ours) and maker.intersection(theirs) for maker in _MAKERS)


def same_model(register: str, device: str) -> bool:
    """Say whether two names may be of one model: one holds the other, or a word of it that has a digit.

    So `Catalyst 2960X` is a `WS-C2960X-48FPS-L`, and `HP ProLiant DL380 Gen9` a `DL380`.
    """
    ours, theirs = _squeezed(register), _squeezed(device)
    if not ours or not theirs or ours in theirs or theirs in ours:
        return True
    return any(word in theirs for word in _telling(register)) or any(word in ours for word in _telling(device))


def only_kernel(register: str, device: str) -> bool:
    """Say whether a device tells no more than that it runs Linux, where the register knows which one.

    The version beside that is the kernel's, and says nothing of the distribution.
    """
    words = _words(register)
    which = set(words) - {_LINUX}
    known = bool(which & _LINUXES) or words[:2] == ["red", "hat"] or words[:2] == ["oracle", _LINUX]
    return _words(device)[:1] == [_LINUX] and known


def same_system(register: str, device: str) -> bool:
    """Say whether two operating systems may be one: no version that the register names is another on the device.

    A name without a version says nothing against any version of it.
    """
    ours, theirs = _squeezed(register), _squeezed(device)
    if not ours or not theirs or ours in theirs or theirs in ours or only_kernel(register, device):
        return True
    shared = [word for word in _words(register) if len(word) >= _TELLING and word.isalpha() and word in theirs]
    versions = [word for word in _words(register) if any(letter.isdigit() for letter in word)]
    has_version = any(letter.isdigit() for letter in theirs)
    return bool(shared) and (not has_version or not versions or versions[0] in theirs)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _squeezed(text: str) -> str:
    return "".join(_words(text))


def _telling(text: str) -> list[str]:
    return [word for word in _words(text) if len(word) >= _TELLING and any(letter.isdigit() for letter in word)]

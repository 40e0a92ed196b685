"""What net-snmp's own commands say, and our varbinds in their words."""

import re
import struct
import subprocess
from collections.abc import Sequence
from typing import Final

from probes.snmp import ber
from probes.snmp.ber import Tag, VarBind

# OIDs and enumerations as numbers, strings as hexadecimal, ticks as numbers, no units; no MIB files
_SHOWN: Final = ("-On", "-Oe", "-Ox", "-OU", "-Ot", "-m", "")
_NUMBERS: Final = {0x02: "INTEGER", 0x41: "Counter32", 0x42: "Gauge32", 0x46: "Counter64"}
MISSING: Final = {
    Tag.NO_SUCH_OBJECT: "No Such Object available on this agent at this OID",
    Tag.NO_SUCH_INSTANCE: "No Such Instance currently exists at this OID",
    Tag.END_OF_MIB_VIEW: "No more variables left in this MIB View (It is past the end of the MIB tree)",
}


def command(
    name: str, version: str, address: str, *words: str, options: Sequence[str] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run one of net-snmp's commands, whatever its exit code."""
    line = [name, f"-v{version}", "-c", "public", *_SHOWN, "-t", "10", "-r", "3", *options, address, *words]
    return subprocess.run(line, capture_output=True, check=False, text=True, timeout=120)


def read(out: str) -> list[tuple[str, str]]:
    """Return OID and value as text of each object that a command wrote."""
    lines = re.split(r"^\.(?=[\d.]+ = )", out.removesuffix("End of MIB\n"), flags=re.MULTILINE)[
        1:
    ]  # long values go over several lines
    return [(oid, " ".join(text.split())) for oid, text in (line.split(" = ", 1) for line in lines)]


def walked(version: str, address: str, root: str, options: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return what net-snmp's walk reads: GETNEXT for v1, GETBULK for v2c."""
    ran = command("snmpwalk" if version == "1" else "snmpbulkwalk", version, address, root, options=options)
    assert ran.returncode == 0, ran.stderr
    return [(oid, text) for oid, text in read(ran.stdout) if text not in MISSING.values()]


def written(bind: VarBind) -> str:
    """Write a value as net-snmp does."""
    _, tag, value = bind
    if tag in MISSING:
        return MISSING[Tag(tag)]
    if isinstance(value, bytes):
        if tag == Tag.OID:
            return f"OID: .{ber.oid_text(value)}"
        if tag == Tag.IP_ADDRESS:
            return f"IpAddress: {'.'.join(map(str, value))}"
        if tag == Tag.OPAQUE:
            return f"Opaque: Float: {struct.unpack('>f', value[3:])[0]:f}"
        return f"Hex-STRING: {value.hex(' ').upper()}" if value else '""'
    if value is None:
        return "NULL"
    return str(value) if tag == Tag.TIMETICKS else f"{_NUMBERS[tag]}: {value}"

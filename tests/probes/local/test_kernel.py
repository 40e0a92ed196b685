"""EDAC and DMI below a made /sys."""

from datetime import date
from pathlib import Path

import pytest

from probes.local.document import Machine, Memory
from probes.local.kernel import DMI, EDAC, machine, memory


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_modules_of_every_controller(tmp_path: Path) -> None:
    edac = tmp_path / EDAC
    put(edac / "mc0", ce_count="5\n", ue_count="0\n", dimm0__dimm_label="CPU_SrcID#0_MC#0_Chan#0_DIMM#0\n",
        dimm0__dimm_ce_count="5\n", dimm0__dimm_ue_count="0\n", dimm1__dimm_ce_count="x\n",
        dimm1__dimm_label="empty")  # fmt: skip
    put(edac / "mc1", rank0__dimm_location="channel 0\n", rank0__dimm_ce_count="0", rank0__dimm_ue_count="1")
    put(edac / "mc2", ce_count="7", ue_count="")
    put(edac / "power", ce_count="1")
    assert list(memory(tmp_path)) == [
        Memory(name="mc0 dimm0 CPU_SrcID#0_MC#0_Chan#0_DIMM#0", corrected=5, uncorrected=0),
        Memory(name="mc1 rank0 channel 0", corrected=0, uncorrected=1),
        Memory(name="mc2", corrected=7),
    ]


def test_a_host_without_edac_or_dmi(tmp_path: Path) -> None:
    assert list(memory(tmp_path)) == []
    assert machine(tmp_path) == Machine()


def test_the_machine(tmp_path: Path) -> None:
    put(tmp_path / DMI, sys_vendor="Made Up Inc.\n", product_name="Server 1\n", product_serial="MADEUP1\n",
        bios_version="1.2\n", bios_date="03/09/2021\n")  # fmt: skip
    assert machine(tmp_path) == Machine(
        vendor="Made Up Inc.", model="Server 1", serial="MADEUP1", bios_version="1.2", bios_date=date(2021, 3, 9)
    )


@pytest.mark.parametrize(
    "text",
    ["To Be Filled By O.E.M.", "System Serial Number", "Default string", "Not Specified", "0123456789", "0000", "",
     "..", "None", "N/A"],
)  # fmt: skip
def test_placeholders_say_nothing(text: str, tmp_path: Path) -> None:
    put(tmp_path / DMI, product_serial=text)
    assert machine(tmp_path).serial is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12/31/2019", date(2019, 12, 31)), ("01/02/99", date(1999, 1, 2)), ("31/12/2019", None), ("2019-12-31", None),
     ("", None)],
)  # fmt: skip
def test_dates_of_smbios(text: str, expected: date | None, tmp_path: Path) -> None:
    put(tmp_path / DMI, bios_date=text)
    assert machine(tmp_path).bios_date == expected


def test_long_and_odd_files_are_cut(tmp_path: Path) -> None:
    put(tmp_path / DMI, sys_vendor="y" * 100_000)
    put(tmp_path / EDAC / "mc0", dimm0__dimm_label="y" * 5000, dimm0__dimm_ce_count="9" * 30, dimm0__dimm_ue_count="2")
    assert len(machine(tmp_path).vendor or "") == 256
    (module,) = memory(tmp_path)
    assert (len(module.name), module.corrected, module.uncorrected) == (256, None, 2)

"""The interfaces of one device: what is wrong with them on top, then what they carry."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.panels import RATE, WIDTH, line, polled, timeline, words
from deploy.grafana.tables import Column, board, shown

OUTWARDS: Final = "/ out$/"
# of the packets: TCP is visibly slower then; a sound line spoils less than one in 1e7 (IEEE 802.3: a bit in 1e12)
ERROR_RATIO: Final = 1e-3
_NOTICED_RATIO: Final = 1e-5
_BUSY, _FULL = 0.8, 0.95
_FLAPPING: Final = 10  # changes in the time shown; somebody's laptop has fewer
_DBM: Final = "suffix:dBm"  # Grafana's own unit would make -500 mdBm of -0.5 dBm
# dBm, by IEEE 802.3: the least that 1000BASE-LX receives, the least and the most that 10GBASE-LR receives, the least
# that 1000BASE-LX sends
_DARK, _DARK_10G, _BRIGHT, _WEAK = -19.0, -14.4, 0.5, -11.5

_HERE: Final = 'target="$target"'
_PORT: Final = f'{_HERE}, interface=~"$interface"'
_TO_INTERFACE: Final = "/d/linewarden-device?var-target=${target}&var-interface=${__value.text}&${__url_time_range}"


def _each(name: str, more: str = "", compared: str = "") -> str:
    """Return an expression with one value for each interface that is shown."""
    return f"max by (interface) (linewarden_interface_{name}{{{_PORT}{more}}}{compared})"


def _share(name: str) -> str:
    """Return such packets as a share of all unicast ones, of the worse direction, over the time shown."""
    odd, all_ = (f"avg_over_time(linewarden_interface_{n}_per_second{{{_PORT}}}[$__range])"
                 for n in (name, "unicast_packets"))  # fmt: skip
    return f"max by (interface) ({odd} / ({all_} + {odd} > 0))"


_DOWN: Final = _each("down", compared=" == 1")
# 10 + OperStatus where a watched one is down, 8 for shut down on purpose, else OperStatus
_STATE: Final = (
    f"{_each('oper_status')} + 10 and on (interface) {_DOWN} "
    f"or {_each('admin_status', compared=' == 2')} * 4 or {_each('oper_status')}"
)
_STATE_WORDS: Final = words(
    *((10 + number, word, "red") for number, word in (
        (1, "down"), (2, "down"), (4, "unknown"), (5, "dormant"), (6, "not present"), (7, "lower layer down"))),
    (1, "up", "green"), (2, "down", "light-blue"), (3, "testing", "yellow"), (4, "unknown", "#808080"),
    (5, "dormant", "light-blue"), (6, "not present", "light-blue"), (7, "lower layer down", "light-blue"),
    (8, "shut down", "dark-blue"),
)  # fmt: skip
_CHANGES: Final = (
    f"max by (interface) (changes(linewarden_interface_oper_status{{{_PORT}}}[$__range]) "
    f"+ round(increase(linewarden_interface_flaps_total{{{_PORT}}}[$__range])) "
    f"or changes(linewarden_interface_oper_status{{{_PORT}}}[$__range]))"
)
_RECEIVED: Final = _each("receive_power_dbm")
_TOO_DARK: Final = (
    f"({_RECEIVED} < {_DARK} or {_RECEIVED} < {_DARK_10G} and on (interface) {_each('speed_bits_per_second')} >= 1e10) "
    f"and on (interface) {_each('oper_status')} == 1"
)
# number, word, colour, what is true then; the worst first, because the first that is true is shown
_TROUBLES: Final = (
    (7, "down", "red", _DOWN),
    (6, "duplex", "red", _each("duplex_mismatch", compared=" == 1")),
    (5, "errors", "red", f"{_share('errors')} >= {ERROR_RATIO}"),
    (4, "light", "orange", _TOO_DARK),
    (3, "flapping", "yellow", f"{_CHANGES} >= {_FLAPPING}"),
    (2, "discards", "yellow", f"{_share('discards')} >= {ERROR_RATIO}"),
    (1, "full", "yellow", f"{_each('utilisation_ratio')} >= {_FULL}"),
    (0, "-", "text", _each("oper_status")),
)
_TROUBLE: Final = " or ".join(f"({expression}) * 0 + {number}" for number, _, _, expression in _TROUBLES)
_ALIAS: Final = (
    "max by (interface, ifAlias) (label_replace("
    f'ifOperStatus{{{_HERE}, ifName=~"$interface", ifAlias!=""}}, "interface", "$1", "ifName", "(.+)")) '
    f"and on (interface) {_each('oper_status')}"
)


def interfaces(made: dashboard.Dashboard) -> dashboard.Dashboard:
    """Add the table, then traffic, errors, light and state over time."""
    made = _table(made)
    made = _traffic(made)
    return made.with_panel(
        timeline("Interface state", _STATE, "{{interface}}", words=_STATE_WORDS, height=12,
                 about="Red: one that is watched is down. Blue: down, and nobody's concern, or shut down on purpose.")
    )  # fmt: skip


def _table(made: dashboard.Dashboard) -> dashboard.Dashboard:
    share = shown("percentunit", steps=((None, "text"), (_NOTICED_RATIO, "yellow"), (ERROR_RATIO, "red")), decimals=3)
    use = shown("percentunit", steps=((None, "green"), (_BUSY, "yellow"), (_FULL, "red")), bar=True, decimals=1)
    received = ((None, "red"), (_DARK, "yellow"), (_DARK_10G, "green"), (_BRIGHT, "yellow"))
    columns = (
        Column("Trouble", _TROUBLE, look=shown(words=_trouble_words(), width=90)),
        Column("Interface", label="interface", look=shown(width=140)),
        Column("Description", _ALIAS, "ifAlias"),
        Column("State", _STATE, look=shown(words=_STATE_WORDS, width=110)),
        Column("Since", f"{_each('changed_timestamp_seconds')} * 1000", look=shown("dateTimeFromNow", width=120)),
        Column("Speed", _each("speed_bits_per_second"), look=shown("bps", width=90)),
        Column("In", _each("utilisation_ratio", ', direction="received"'), look=use),
        Column("Out", _each("utilisation_ratio", ', direction="sent"'), look=use),
        Column("Errors", _share("errors"), look=share),
        Column("Discards", _share("discards"), look=share),
        Column("Changes", _CHANGES, look=shown(steps=((None, "text"), (_FLAPPING, "yellow")), decimals=0, width=80)),
        Column("Duplex", _each("duplex_mismatch"), look=shown(words=words((1, "mismatch", "red"), (0, "-", "text")))),
        Column("Receives", _RECEIVED, look=shown(_DBM, steps=received, decimals=1)),
        Column("Sends", _each("transmit_power_dbm"),
               look=shown(_DBM, steps=((None, "red"), (_WEAK, "green")), decimals=1)),
    )  # fmt: skip
    return made.with_panel(
        board(
            "Interfaces, trouble first",
            columns,
            sort=(("Trouble", True), ("Interface", False)),
            about="Trouble is the worst of: down though it is watched; a duplex mismatch; errors or discards, 0.1 % of "
            "the packets of the time shown; too little light for a line that is up (-19 dBm, -14.4 from 10 Gbit/s "
            "on); ten changes of state in the time shown; 95 % of the speed in use now. A click on an interface "
            "shows it alone below.",
            height=14,
            links={"Interface": _TO_INTERFACE},
        )
    )


def _trouble_words() -> list[model.ValueMap]:
    return words(*((number, word, colour) for number, word, colour, _ in _TROUBLES))


def _traffic(made: dashboard.Dashboard) -> dashboard.Dashboard:
    def over_time(name: str, direction: str, more: str = "") -> str:
        series = f'linewarden_interface_{name}{{{_PORT}, direction="{direction}"}}'
        return f"max by (interface) (avg_over_time({series}[{RATE}])){more}"

    def both(name: str, more: str = "") -> list[tuple[str, str]]:
        return [
            (over_time(name, "received", more), "{{interface}} in"),
            (over_time(name, "sent", more), "{{interface}} out"),
        ]

    light = [(_RECEIVED, "{{interface}} receives"), (_each("transmit_power_dbm"), "{{interface}} sends")]
    return (
        made.with_panel(
            line(
                "Traffic", "bps", [polled(*one) for one in both("octets_per_second", " * 8")], below=OUTWARDS,
                many=True, width=WIDTH, about="Outwards is drawn below. A restart, or a counter that was cleared, is a "
                "gap and no spike.",
            )
        )
        .with_panel(
            line(
                "Used, of the interface's speed", "percentunit",
                [polled(*one) for one in both("utilisation_ratio")], maximum=1, many=True,
                steps=((None, "transparent"), (_BUSY, "yellow"), (_FULL, "red")),
            )
        )
        .with_panel(
            line(
                "Unicast packets", "pps", [polled(*one) for one in both("unicast_packets_per_second")], below=OUTWARDS,
                many=True,
            )
        )
        .with_panel(
            line(
                "Errors", "pps", [polled(*one) for one in both("errors_per_second")], below=OUTWARDS, many=True,
                about="Any that keep coming want a new cable, optic or port.",
            )
        )
        .with_panel(
            line(
                "Discards", "pps", [polled(*one) for one in both("discards_per_second")], below=OUTWARDS, many=True,
                about="Packets that were dropped though nothing was wrong with them: most often too much traffic for "
                "the port.",
            )
        )
        .with_panel(
            line(
                "Optical power", _DBM, [polled(*one) for one in light], minimum=None, many=True, width=WIDTH,
                about="An optic that receives less each month wants its connectors cleaned, or has a bent fibre; a "
                "laser that sends less and less is dying. Empty where the device has no sensors for it.",
            )
        )
    )  # fmt: skip

"""One circuit: its contract, its state, its delay and loss, and what the agent itself could not see."""

from grafana_foundation_sdk.builders import dashboard, prometheus

from deploy.grafana.frame import choice, frame
from deploy.grafana.panels import RATE, WIDTH, line, number, query, spread, state_number, timeline, words
from deploy.grafana.tables import rows

_HERE = 'target="$target"'
_LOSS_STEPS = ((None, "green"), (0.01, "yellow"), (0.05, "red"))
_BUCKETS = f"smokeping_response_duration_seconds_bucket{{{_HERE}}}[{RATE}]"


def circuit() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = frame("linewarden-circuit", "Linewarden: circuit", "One circuit: what was promised and what was measured.")
    made = made.with_variable(choice("target", "Circuit", "label_values(linewarden_circuit_info, target)"))
    made = _period(_summary(made))
    made = _worse(made.with_row(dashboard.Row("Against its past, and against what was agreed")))
    made = _delay(made.with_row(dashboard.Row("Delay")))
    made = _loss(made.with_row(dashboard.Row("Loss")))
    return _honesty(made.with_row(dashboard.Row("What was not measured")))


def _summary(made: dashboard.Dashboard) -> dashboard.Dashboard:
    state = state_number("linewarden_target_state", _HERE, "target")
    works = f'sum(max by (state) (linewarden_target_state{{{_HERE}, state=~"up|degraded"}}))'
    return (
        made.with_panel(number("State", "none", state, states=True))
        .with_panel(
            number(
                "Up, of the time shown",
                "percentunit",
                f"avg_over_time(({works})[$__range:$__interval])",
                steps=((None, "red"), (0.99, "yellow"), (0.999, "green")),
                decimals=3,
                about="What counts for the contract is in the ledger: linewarden outages.",
            )
        )
        .with_panel(
            number(
                "Loss, last round",
                "percentunit",
                f"max(linewarden_round_loss_ratio{{{_HERE}}})",
                steps=_LOSS_STEPS,
                decimals=1,
            )
        )
        .with_panel(
            number("Round-trip time, last round", "s", f'max(linewarden_round_rtt_seconds{{{_HERE}, stat="p50"}})')
        )
        .with_panel(
            rows(
                "The circuit as the contract names it",
                "max by (supplier, reference, site_a, site_b, group, role) (linewarden_circuit_info{" + _HERE + "})",
                {"supplier": "Supplier", "reference": "Reference", "site_a": "From", "site_b": "To", "group": "Group",
                 "role": "Role"},
                width=8,
                height=4,
            )
        )
    )  # fmt: skip


def _period(made: dashboard.Dashboard) -> dashboard.Dashboard:
    state = state_number("linewarden_target_state", _HERE, "target")
    return (
        made.with_panel(
            number(
                "Availability of the period so far",
                "percentunit",
                f'max(linewarden_availability_ratio{{{_HERE}, counted="own"}})',
                steps=((None, "red"), (0.99, "yellow"), (0.999, "green")),
                decimals=3,
                about="By the rules of its contract: linewarden report availability.",
                width=WIDTH // 2,
            )
        )
        .with_panel(
            number(
                "Time without service that the objective still bears",
                "s",
                f"min(linewarden_objective_budget_left_seconds{{{_HERE}}})",
                steps=((None, "red"), (0.001, "green")),
                about="Of the present period; below 0 the objective is missed.",
                width=WIDTH // 2,
            )
        )
        .with_panel(timeline("State", state, "{{target}}", height=4))
        .with_panel(
            timeline(
                "Its checks: echoes, and the interfaces at its ends",
                state_number("linewarden_check_state", _HERE, "check"),
                "{{check}}",
                height=6,
            )
        )
    )  # fmt: skip


def _worse(made: dashboard.Dashboard) -> dashboard.Dashboard:
    def shown(family: str, legend: str) -> prometheus.Dataquery:
        return query(f"max({family}{{{_HERE}}})", legend)

    median = f'max(linewarden_round_{{}}_seconds{{{{{_HERE}, stat="{{}}"}}}})'
    return (
        made.with_panel(
            line(
                "Round-trip time against the usual",
                "s",
                [
                    query(median.format("rtt", "p50"), "median of each round"),
                    shown("linewarden_usual_rtt_seconds", "usual at this hour"),
                    shown("linewarden_objective_rtt_seconds", "agreed"),
                ],
                about="Usual: the floor of the last seven days; after two weeks what comes at this hour every week.",
            )
        )
        .with_panel(
            line(
                "Delay variation against the usual",
                "s",
                [
                    query(median.format("pdv", "p95"), "p95 of each round"),
                    shown("linewarden_usual_pdv_seconds", "usual at this hour"),
                    shown("linewarden_objective_pdv_seconds", "agreed"),
                ],
            )
        )
        .with_panel(
            timeline(
                "In what way it is worse",
                f"max by (aspect, against) (linewarden_trouble{{{_HERE}}})",
                "{{aspect}} against its {{against}}",
                about="Found by detectors, not by thresholds: linewarden explain names the rule and the figures.",
                width=WIDTH // 2,
                height=6,
                words=words((1, "worse", "yellow")),
            )
        )
        .with_panel(
            line(
                "Quality of voice",
                "short",
                [shown("linewarden_voice_mos", "MOS"), shown("linewarden_objective_mos", "agreed")],
                about="A telephone call of the last minute by the E-model (ITU-T G.107), G.711: 4.4 is the best.",
                steps=((None, "red"), (3.1, "yellow"), (4.0, "transparent")),
                minimum=1,
                maximum=4.5,
            ).height(6)
        )
        .with_panel(
            line(
                "Lasting changes of the delay's level",
                "short",
                [
                    query(
                        f"sum by (direction) (increase(linewarden_level_shifts_total{{{_HERE}}}[1h]))", "{{direction}}"
                    )
                ],
                about="In each hour. Each has an event with the old and the new level: linewarden events.",
                width=WIDTH,
            ).height(5)
        )
    )


def _delay(made: dashboard.Dashboard) -> dashboard.Dashboard:
    quantiles = [
        query(f"histogram_quantile({q}, sum by (le) (rate({_BUCKETS})))", f"p{q * 100:g}") for q in (0.5, 0.9, 0.99)
    ]

    def stats(family: str) -> str:
        return f"max by (stat) (linewarden_round_{family}_seconds{{{_HERE}}})"

    return (
        made.with_panel(
            line(
                "Round-trip time of each round",
                "s",
                [query(stats("rtt"), "{{stat}}")],
                about="Kernel stamp to kernel stamp; a lost echo has no round-trip time (RFC 2681).",
            )
        )
        .with_panel(line("Percentiles over the interval", "s", quantiles, about="From the histogram of all echoes."))
        .with_panel(
            spread(
                "All round-trip times", f"sum by (le) (increase({_BUCKETS}))", about="Each echo, by how long it took."
            )
        )
        .with_panel(
            line(
                "Delay variation",
                "s",
                [query(stats("pdv"), "pdv {{stat}}"), query(stats("ipdv"), "ipdv {{stat}}")],
                about="pdv: against the round's minimum (RFC 5481). ipdv: between neighbours (RFC 3393).",
            )
        )
    )


def _loss(made: dashboard.Dashboard) -> dashboard.Dashboard:
    lost = f"sum(rate(linewarden_echoes_lost_total{{{_HERE}}}[{RATE}]))"
    sent = f"sum(rate(linewarden_echoes_sent_total{{{_HERE}}}[{RATE}]))"
    return made.with_panel(
        line(
            "Loss",
            "percentunit",
            [
                query(f"max(linewarden_round_loss_ratio{{{_HERE}}})", "each round"),
                query(f"{lost} / {sent}", "over the interval"),
            ],
            about="Of the echoes whose outcome is known (RFC 6673).",
            steps=((None, "transparent"), (0.01, "yellow"), (0.05, "red")),
            maximum=1,
        )
    ).with_panel(
        line(
            "Echoes",
            "short",
            [
                query(f"sum(increase(linewarden_echoes_{what}_total{{{_HERE}}}[{RATE}]))", word)
                for what, word in (("sent", "sent"), ("lost", "lost"), ("duplicate", "answered twice"))
            ],
        )
    )


def _honesty(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return made.with_panel(
        line(
            "Unknown echoes",
            "short",
            [query(f"sum by (why) (increase(linewarden_echoes_unknown_total{{{_HERE}}}[{RATE}]))", "{{why}}")],
            about="The agent's own trouble: never counted as the circuit's loss.",
            width=WIDTH // 2,
        )
    ).with_panel(
        line(
            "Blind time",
            "percentunit",
            [query(f"max(rate(linewarden_blind_seconds_total{{{_HERE}}}[{RATE}]))", "share of the time")],
            about="When the agent could not measure this circuit, whatever the network did.",
            maximum=1,
            width=WIDTH // 2,
        )
    )

"""Write the dashboards as Grafana reads them: `python -m deploy.grafana.build`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.ageing import ageing
from deploy.grafana.circuit import circuit
from deploy.grafana.device import device
from deploy.grafana.overview import overview

FOLDER: Final = Path(__file__).parent / "dashboards"


def dashboards() -> Mapping[str, str]:
    """Return the text of each file by its name."""
    made = {"overview": overview(), "circuit": circuit(), "device": device(), "ageing": ageing()}
    return {f"{name}.json": _text(one) for name, one in made.items()}


def _text(made: Dashboard) -> str:
    document = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    for number, panel in enumerate(document["panels"], 1):  # the SDK gives rows one and the same id, panels none
        panel["id"] = number
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()

"""`linewarden maintenance end`: a window that is over sooner."""

import json

import click

from agent.cli.client import Where, say, where_options
from agent.cli.speaker import author_option
from agent.cli.tables import clean, local_time, parse_stamp


@click.command()
@click.argument("number", type=click.IntRange(1), metavar="ID")
@author_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def command(where: Where, number: int, author: str, as_json: bool) -> None:
    """End the window ID now; one that has not begun never will, and one that comes again does so no more.

    What was so far stays in the record. What is down then is paged.

    \b
    Examples:
      linewarden maintenance end 3
      linewarden maintenance end 3 --author alice
    """
    answer = say(where, "DELETE", f"maintenance/{number}", author=author)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    window = answer["window"]
    begun = parse_stamp(window["begins_at"]) < parse_stamp(window["cancelled_at"])
    when = f"ended at {local_time(window['cancelled_at'])}" if begun else "will not begin"
    click.echo(f"window {number} of {clean(window['about'])} {when}")

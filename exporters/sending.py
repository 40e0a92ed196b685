"""How a text of metrics is sent: compressed where the client takes it, piece by piece."""

from collections.abc import Sequence

from aiohttp import hdrs, web

from exporters import exposition


def takes_gzip(request: web.Request) -> bool:
    """Tell whether a client takes gzip (RFC 9110, 12.5.3); a `q=0` refuses."""
    for item in request.headers.get(hdrs.ACCEPT_ENCODING, "").split(","):
        coding, _, weight = item.strip().partition(";")
        if coding.strip().lower() in {"gzip", "x-gzip"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


async def send(request: web.Request, pieces: Sequence[bytes], packed: bool) -> web.StreamResponse:
    """Send a text piece by piece: one large write would copy all of it on the loop."""
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: exposition.CONTENT_TYPE, hdrs.VARY: hdrs.ACCEPT_ENCODING})
    if packed:
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    response.content_length = sum(map(len, pieces))
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        for piece in pieces:
            await response.write(piece)
    await response.write_eof()
    return response

"""Open the HTTP session in which the daemon is asked."""

import aiohttp

# uvicorn drops idle connections after 5 s. We drop them first, or a request could
# be sent into a connection that is just being closed.
_KEEPALIVE_S = 4.0


def open_session(url: str, *, token: str | None) -> aiohttp.ClientSession:
    """Return a session with base URL and token set; call it in a running loop.

    The caller closes it. There is no timeout here: each call brings its own. Nor is
    there a limit of connections: the service lets only so many calls out.
    """
    # Without the slash the last part of a path prefix would be lost in joining.
    base_url = url.rstrip("/") + "/"
    headers = {"Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return aiohttp.ClientSession(
        base_url,
        headers=headers,
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
    )

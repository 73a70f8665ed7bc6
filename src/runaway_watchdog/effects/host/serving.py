"""The folders that this host's web servers give to the world, by their own configuration files.

nginx (`root`, `alias`), Apache (`DocumentRoot`, `Alias`), Caddy (`root`) and lighttpd (`server.document-root`).
"""

import re
from collections.abc import Iterator

from runaway_watchdog.effects.host import texts
from runaway_watchdog.world import World

NGINX = re.compile(r"""^[ \t]*(?:root|alias)[ \t]+["']?(/[^;"'\s]+)""", re.M)
APACHE = re.compile(r"""^[ \t]*(?:DocumentRoot|Alias[ \t]+\S+)[ \t]+["']?(/[^"'\s]+)""", re.M | re.I)
CADDY = re.compile(r"^[ \t]*root[ \t]+(?:\*[ \t]+|/\S*[ \t]+(?=/))?(/\S+)", re.M)
LIGHTTPD = re.compile(r"""^[ \t]*server\.document-root[ \t]*=[ \t]*["'](/[^"']+)""", re.M)
SERVERS = (
    ("nginx", NGINX, ("/etc/nginx/nginx.conf", "/etc/nginx/conf.d/", "/etc/nginx/sites-enabled/")),
    ("apache2", APACHE, ("/etc/apache2/apache2.conf", "/etc/apache2/sites-enabled/", "/etc/apache2/conf-enabled/")),
    ("httpd", APACHE, ("/etc/httpd/conf/httpd.conf", "/etc/httpd/conf.d/")),
    ("caddy", CADDY, ("/etc/caddy/Caddyfile", "/etc/caddy/conf.d/", "/etc/caddy/sites-enabled/")),
    ("lighttpd", LIGHTTPD, ("/etc/lighttpd/lighttpd.conf", "/etc/lighttpd/conf-enabled/")),
)
"""A server, what names a folder in its files, and where these are: a file, or all in a folder."""
MOST = 50
"""Files of one folder that are read."""


def roots(world: World) -> Iterator[tuple[str, str]]:
    """Each server with each folder that it serves, "/" excepted. Links in the path are followed."""
    for server, names, places in SERVERS:
        for file in _files(places, world):
            for found in names.findall(texts.read(file, world)):
                folder = found.rstrip("/")
                if folder and "$" not in folder:
                    yield server, folder


def _files(places: tuple[str, ...], world: World) -> Iterator[str]:
    for place in places:
        if place.endswith("/"):
            yield from (place + name for name in texts.names(place.rstrip("/"), world)[:MOST])
        else:
            yield place

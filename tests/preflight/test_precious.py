"""What is in use or precious though no process has it open: the guard holds it. What is neither only gets a word."""

import pytest
from preflight.host_world import FakeHost, shop

from runaway_watchdog.guard.decide import Hold, decide
from runaway_watchdog.preflight.document import to_json

HEAD, OLDER = "a" * 40, "b" * 40


def held(host: FakeHost, line: str) -> bool:
    """Whether the guard asks before it."""
    found = host.judge(line)
    assert found.lost, line
    return isinstance(decide(to_json(found, None, ())), Hold)


def with_files(**more: str) -> FakeHost:
    host = shop()
    host.files.add("/proc/self/mountinfo", "22 1 0:21 / / rw - ext4 /dev/sda rw\n")
    for path, text in more.items():
        host.files.add(path, text)
    return host


def working_in(folder: str, comm: str = "python3") -> FakeHost:
    """A process whose working folder this is."""
    host = with_files()
    host.process(700, f"/usr/bin/{comm}")
    host.files.add("/proc/700/comm", f"{comm}\n")
    host.files.add("/proc/700/mountinfo", "22 1 0:21 / / rw - ext4 /dev/sda rw\n")
    host.files.add("/proc/700/fd/0", "\0link /dev/null")
    host.files.add("/proc/700/cwd", f"\0link {folder}")
    for path in ("/home/deploy/app/files/u1.jpg", "/home/deploy/app/node_modules/x.js", "/home/deploy/app/old.log"):
        host.files.add(path, "x")
    return host


def test_a_process_that_works_in_a_folder_above_needs_it() -> None:
    """An application's own folder; not what a build makes again, not an old log, and not a shell that stands there."""
    host = working_in("/home/deploy/app")
    assert held(host, "rm -rf /home/deploy/app/files")
    assert not held(host, "rm -rf /home/deploy/app/node_modules")
    assert not held(host, "rm /home/deploy/app/old.log")
    assert not held(working_in("/home/deploy/app", "bash"), "rm -rf /home/deploy/app/files")
    assert not held(working_in("/home"), "rm -rf /home/deploy/app/files")


SERVED = {
    "/etc/nginx/sites-enabled/default": "server {\n  root /var/www/html;\n}\n",
    "/etc/nginx/conf.d/a.conf": "location /x {\n alias '/var/www/html/';\n}\n",
    "/etc/apache2/sites-enabled/000.conf": '<VirtualHost *:80>\n  DocumentRoot "/var/www/html"\n</VirtualHost>\n',
    "/etc/apache2/sites-enabled/b.conf": "Alias /x /var/www/html\n",
    "/etc/httpd/conf/httpd.conf": "documentroot /var/www/html\n",
    "/etc/caddy/Caddyfile": "example.org {\n\troot * /var/www/html\n\tfile_server\n}\n",
    "/etc/lighttpd/lighttpd.conf": 'server.document-root = "/var/www/html"\n',
}


@pytest.mark.parametrize("file", SERVED)
@pytest.mark.parametrize("path", ["/var/www/html", "/var/www/html/index.html", "/var/www"])
def test_a_web_root_is_in_use(file: str, path: str) -> None:
    """By the server's own configuration, whether or not it runs."""
    host = with_files(**{file: SERVED[file], "/var/www/html/index.html": "<h1>"})
    assert held(host, f"rm -rf {path}")
    assert not held(with_files(**{"/var/www/html/index.html": "<h1>"}), f"rm -rf {path}")


COMPOSE = [
    "    volumes: [\"./files:/files\"]\n", "    volumes:\n      - ./files:/files:ro\n",
    "    volumes:\n      - /srv/down/files:/files\n", "    volumes:\n      - '../down/files:/files'\n",
    "    volumes:\n      - type: bind\n        source: ./files\n        target: /x\n",
    "volumes:\n  a:\n    driver_opts:\n      device: /srv/down/files\n",
]  # fmt: skip


@pytest.mark.parametrize("text", COMPOSE)
def test_a_compose_file_on_disk_uses_its_folders(text: str) -> None:
    """Its project is down, and the containers come back to them."""
    host = with_files(**{
        "/srv/down/docker-compose.yml": f"services:\n  app:\n{text}", "/srv/down/files/doc.pdf": "pdf",
        "/srv/down/notes/x": "x",
    })  # fmt: skip
    assert held(host, "rm -rf /srv/down/files")
    assert held(host, "rm /srv/down/files/doc.pdf")
    assert held(host, "rm -rf /srv/down")
    assert not held(host, "rm -rf /srv/down/notes")


PRECIOUS = {
    "rm -f /opt/a/.env": {"/opt/a/.env": "SECRET=1"},
    "rm -rf /opt/a": {"/opt/a/.env.production": "SECRET=1", "/opt/a/x": "x"},
    "rm /opt/a/id_ed25519": {"/opt/a/id_ed25519": "key"},
    "rm -rf /opt/tls": {"/opt/tls/site.pem": "key"},
    "rm -rf /opt/a/uploads": {"/opt/a/uploads/p.jpg": "p"},
    "rm /opt/a/media/p.jpg": {"/opt/a/media/p.jpg": "p"},
    "rm /opt/b/shop.sql": {"/opt/b/shop.sql": "dump"},
    "rm /opt/b/shop.sql.gz": {"/opt/b/shop.sql.gz": "dump", "/opt/b/crm.sql.gz": "another"},
    "rm /opt/b/shop-*.dump": {"/opt/b/shop-1.dump": "d", "/opt/b/shop-2.dump": "d"},
    "rm -rf /opt/backups": {"/opt/backups/site.tar.gz": "t"},
    "find /opt/b -name '*.sql' -delete": {"/opt/b/shop-1.sql": "d", "/opt/b/shop-2.sql": "d"},
    "mv /opt/b/x /opt/b/shop.sql": {"/opt/b/shop.sql": "dump", "/opt/b/x": "x"},
    "rm -rf /opt/r": {"/opt/r/.git/refs/heads/main": HEAD, "/opt/r/a": "x"},
    "rm -rf /opt/r/.git": {"/opt/r/.git/refs/heads/main": HEAD, "/opt/r/.git/refs/remotes/origin/main": OLDER},
    "rm -rf /opt/r/": {"/opt/r/.git/packed-refs": f"{HEAD} refs/heads/main\n", "/opt/r/a": "x"},
    "rm -fr /opt/r": {"/opt/r/.git/refs/heads/main": HEAD, "/opt/r/.git/refs/remotes/origin/main": HEAD,
                      "/opt/r/.git/refs/stash": OLDER},
}  # fmt: skip


@pytest.mark.parametrize("line", PRECIOUS)
def test_what_nobody_can_make_anew_is_held(line: str) -> None:
    """Settings, keys, uploads, the last dump of its kind, commits that were not pushed."""
    assert held(with_files(**PRECIOUS[line]), line)


IDLE = {
    "rm /opt/a/notes": {"/opt/a/notes": "x"},
    "rm /opt/a/.env.example": {"/opt/a/.env.example": "SECRET="},
    "rm /opt/b/shop-1.sql": {"/opt/b/shop-1.sql": "d", "/opt/b/shop-2.sql": "d"},
    "find /opt/b -name 'shop-2025-10*' -delete": {"/opt/b/shop-2025-10-01.sql": "d", "/opt/b/shop-2025-11-01.sql": "d"},
    "rm -rf /opt/r": {
        "/opt/r/.git/refs/heads/main": HEAD,
        "/opt/r/.git/refs/remotes/origin/main": HEAD,
        "/opt/r/a": "x",
    },
    "rm /opt/r/.git/index.lock": {"/opt/r/.git/index.lock": "x", "/opt/r/.git/refs/heads/main": HEAD},
    "rm -rf /opt/a/node_modules": {"/opt/a/node_modules/m/test/key.pem": "k"},
    "rm download.tar.gz": {"/srv/download.tar.gz": "x"},
}


@pytest.mark.parametrize("line", IDLE)
def test_a_word_is_enough_for_the_rest(line: str) -> None:
    """It is deleted for good, and nobody is asked."""
    assert not held(with_files(**IDLE[line]), line)


def test_an_edit_of_settings_is_no_end_of_them() -> None:
    """`sed -i s/…/…/` keeps the file with its users; lines that are deleted are another matter."""
    host = with_files(**{"/opt/a/.env": "A=1"})
    assert not held(host, "sed -i 's/A=1/A=2/' /opt/a/.env")
    assert not held(host, "sed -Ei 's/a/b/; s/c/d/' /opt/a/.env")
    assert held(host, "sed -i '/A/d' /opt/a/.env")
    assert held(host, "sed -i 's/.*//' /opt/a/.env")

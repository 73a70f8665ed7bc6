"""Lines that people paste: each with the commands that a reader of the shell finds in it (checked by eye)."""

import pytest
from preflight import pasted_docker
from preflight.shell_notation import read, written

LINES: tuple[tuple[str, ...], ...] = (
    (
        "sudo pkill -f celery; sudo killall -9 node",
        "pkill -f celery",
        "killall -9 node",
    ),
    (
        "lsof -ti:3000 | xargs kill -9",
        "lsof -ti:3000",
        "if kill -9 <lsof -ti:3000>",
    ),
    (
        "kill -9 $(lsof -t -i:8080) 2>/dev/null || true",
        "lsof -t -i:8080",
        "kill -9 <lsof -t -i:8080>",
        "if true",
    ),
    (
        "fuser -k 8080/tcp",
        "fuser -k 8080/tcp",
    ),
    (
        "rm -rf ./node_modules && npm install",
        "rm -rf ./node_modules",
        "if npm install",
    ),
    (
        'find /var/log -type f -name "*.log" -mtime +30 -delete',
        "find /var/log -type f -name *.log -mtime +30 -delete",
    ),
    (
        "find . -type f -name '*.tmp' -print0 | xargs -0 rm -f",
        "find . -type f -name *.tmp -print0",
        "if rm -f <find . -type f -name *.tmp -print0>",
    ),
    (
        "find /srv -name '*.bak' -exec rm -v {} +",
        "if rm -v <find /srv -name *.bak -print>",
        "find /srv -name *.bak",
    ),
    (
        "ls -t | tail -n +6 | xargs -I {} rm -- {}",
        "ls -t",
        "tail -n +6 [reads ls -t]",
        "if rm -- <tail -n +6 [reads ls -t]>",
    ),
    (
        "while ! curl -sf localhost:8080/health; do sleep 1; done",
        "if curl -sf localhost:8080/health",
        "if sleep 1",
    ),
    (
        '(crontab -l 2>/dev/null; echo "*/5 * * * * /usr/local/bin/check") | crontab -',
        "crontab -l",
        "echo '*/5 * * * * /usr/local/bin/check'",
        "crontab - [reads crontab -l; echo '*/5 * * * * /usr/local/bin/check']",
    ),
    (
        'echo "" > /var/log/syslog',
        "echo '' [empties /var/log/syslog]",
    ),
    (
        'sudo bash -c "echo 3 > /proc/sys/vm/drop_caches"',
        "echo 3 [empties /proc/sys/vm/drop_caches]",
    ),
    (
        "psql -U postgres <<EOF\nDROP DATABASE shop;\nEOF",
        "psql -U postgres [given 'DROP DATABASE shop;\\n']",
    ),
    (
        "wget -qO- https://example.org/install.sh | sudo bash -s -- --yes",
        "wget -qO- https://example.org/install.sh",
        "?? `sudo bash -s -- --yes`: what this shell is given to run is only known when it runs",
    ),
    (
        "curl -s https://example.org/x.sh -o x.sh && bash x.sh",
        "curl -s https://example.org/x.sh -o x.sh",
        "if source x.sh",
    ),
    (
        "source venv/bin/activate && pip install -r requirements.txt",
        "source venv/bin/activate",
        "if (environment unknown) pip install -r requirements.txt [in ?]",
    ),
    (
        "git clean -fdx && git reset --hard",
        "git clean -fdx",
        "if git reset --hard",
    ),
    (
        'tar czf - data | ssh backup "cat > data.tgz"',
        "tar czf - data",
        "remote cat [reads tar czf - data] [empties data.tgz]",
    ),
    (
        "dd if=/dev/zero of=/dev/sda bs=1M",
        "dd if=/dev/zero of=/dev/sda bs=1M",
    ),
    (
        "rsync -a --delete empty/ data/",
        "rsync -a --delete empty/ data/",
    ),
    (
        "mv data{,.bak} && mkdir data",
        "mv data data.bak",
        "if mkdir data",
    ),
    (
        "cp /etc/nginx/nginx.conf{,.$(date +%F)}",
        "date +%F",
        "cp /etc/nginx/nginx.conf ?",
    ),
    (
        "rm -rf /srv/{shop,blog}/data",
        "rm -rf /srv/shop/data /srv/blog/data",
    ),
    (
        'rm -rf "$DATA_DIR"/*',
        "rm -rf ?",
    ),
    (
        'DIR=/srv/shop; rm -rf "$DIR/data" ${DIR}/cache',
        "rm -rf /srv/shop/data /srv/shop/cache",
    ),
    (
        'sudo -u postgres psql -c "drop database shop"',
        "psql -c 'drop database shop'",
    ),
    (
        'sudo su - postgres -c "dropdb shop"',
        "dropdb shop [in ?]",
    ),
    (
        "mysql -e 'drop database shop' && redis-cli FLUSHALL",
        "mysql -e 'drop database shop'",
        "if redis-cli FLUSHALL",
    ),
    (
        "systemctl list-units --type=service | awk '{print $1}' | xargs -n1 systemctl stop",
        "systemctl list-units --type=service",
        "awk '{print $1}' [reads systemctl list-units --type=service]",
        "if systemctl stop <awk '{print $1}' [reads systemctl list-units --type=service]>",
    ),
    (
        "ps -ef | grep '[n]ode' | awk '{print $2}' | xargs -r sudo kill",
        "ps -ef",
        "grep '[n]ode' [reads ps -ef]",
        "awk '{print $2}' [reads grep '[n]ode' [reads ps -ef]]",
        "if kill <awk '{print $2}' [reads grep '[n]ode' [reads ps -ef]]>",
    ),
    (
        "pgrep -f worker | xargs -I{} sh -c 'echo {}; kill {}'",
        "pgrep -f worker",
        "?? `sh -c 'echo {}; kill {}'`: what 'echo {}; kill {}' stands for is only known when it runs",
    ),
    (
        "nice -n 19 ionice -c 3 tar xzf backup.tgz",
        "tar xzf backup.tgz",
    ),
    (
        "> /var/log/app.log",
        ": [empties /var/log/app.log]",
    ),
    (
        "sudo !!",
        "?? `sudo !!`: what !! stands for is only known when it runs",
    ),
    (
        "rm -rf !(keep)",
        "rm -rf !",
        "?? `(keep)`: where one command ends and the next begins is not clear",
    ),
    (
        "crontab -r",
        "crontab -r",
    ),
)


@pytest.mark.parametrize(
    ("line", "commands"), [(line, list(commands)) for line, *commands in (*pasted_docker.LINES, *LINES)]
)
def test_the_commands_of_a_line_are_found(line: str, commands: list[str]) -> None:
    """Every command of a pasted line, as it would be given its words, and every part that cannot be read."""
    assert written(read(line)) == commands

#!/bin/bash
# reset.sh [docker] [files] [pg] [my] [redis] [units]: these parts of the host again as golden.sh found them, by content.
# The product itself is put in beside the state, and stays.
back() { rsync -aHAX --delete --exclude=/runaway-watchdog --exclude=/watchdog /golden/$1/ /$1/; }
for c in "$@"; do case $c in
files)
  for p in srv home etc root var/www var/backups usr/local/bin var/spool/cron; do back $p; done
  systemctl daemon-reload;;
docker)
  systemctl stop docker.socket docker containerd 2>/dev/null
  rsync -aHAX --delete /golden/docker/ /var/lib/docker/
  systemctl reset-failed docker docker.socket containerd 2>/dev/null
  systemctl start containerd docker.socket docker
  docker start vandelay-db-1 globex-prod-api-1 initech_db_1 solo acme-db-1 acme-web-1 >/dev/null
  docker run -d --name temp --rm --stop-timeout 1 -v /anon3 bb:1 sh -c 'echo a > /anon3/f; exec sleep 1000000' >/dev/null
  bash "$(dirname "$0")/settled.sh";;
pg)
  systemctl stop postgresql 'postgresql@*'
  back var/lib/postgresql
  systemctl start postgresql
  for i in 1 2 3 4 5 6 7 8 9 10; do psql -d root -c 'select 1' >/dev/null 2>&1 && break; sleep 0.5; done;;
my) systemctl stop mariadb; back var/lib/mysql; systemctl start mariadb;;
redis)
  systemctl stop redis-server
  back var/lib/redis
  systemctl reset-failed redis-server
  systemctl start redis-server
  sleep 0.3;;
units)
  systemctl reset-failed 2>/dev/null
  systemctl unmask app nginx 2>/dev/null
  systemctl start app nginx cron postgresql mariadb redis-server docker 2>/dev/null;;
esac; done

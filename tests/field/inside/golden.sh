#!/bin/bash
# Takes the golden copy, which reset.sh goes back to: everything stands still while it is taken.
set -e
docker rm -fv temp >/dev/null 2>&1
docker stop -t 1 vandelay-db-1 globex-prod-api-1 initech_db_1 solo acme-db-1 acme-web-1 >/dev/null
systemctl stop docker.socket docker containerd postgresql 'postgresql@*' mariadb redis-server app nginx
mkdir -p /golden
rsync -aHAX --delete /var/lib/docker/ /golden/docker/
for p in srv home etc root var/www var/backups usr/local/bin var/spool/cron var/lib/postgresql var/lib/mysql var/lib/redis; do
  mkdir -p /golden/$p
  rsync -aHAX --delete /$p/ /golden/$p/
done

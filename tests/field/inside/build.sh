#!/bin/bash
# Makes the host as people have them: projects, databases, a user with an app, a web root, backups. Run once in the box.
set -e
export DEBIAN_FRONTEND=noninteractive
mkdir -p /tmp/bbimg/bin /tmp/bbimg/tmp /tmp/bbimg/etc
cp /bin/busybox /tmp/bbimg/bin/busybox
for a in $(/bin/busybox --list); do [ "$a" = busybox ] || ln -sf busybox /tmp/bbimg/bin/$a; done
tar -C /tmp/bbimg -c . | docker import --change 'ENV PATH=/bin' - bb:1 >/dev/null
docker tag bb:1 alpine:latest; docker tag bb:1 busybox:latest; docker tag bb:1 postgres:15
printf 'FROM bb:1\nVOLUME /anon\n' > /tmp/Dockerfile.vol; (cd /tmp && docker build -q -t volimg:1 -f Dockerfile.vol /tmp/bbimg >/dev/null)
RUNDATA='mkdir -p /data; [ -f /data/PG_VERSION ] || { echo 15 > /data/PG_VERSION; echo precious > /data/rows; }; exec sleep 1000000'
# acme: v2, named + anonymous + bind
mkdir -p /srv/acme/uploads /srv/acme/sub
echo 'client photo' > /srv/acme/uploads/photo1.jpg; echo 'client photo 2' > /srv/acme/uploads/photo2.jpg
cat > /srv/acme/compose.yaml <<'Y'
services:
  db:
    image: bb:1
    command: ["sh","-c","[ -f /data/PG_VERSION ] || { echo 15 > /data/PG_VERSION; echo precious > /data/rows; }; exec sleep 1000000"]
    volumes: ["pgdata:/data"]
    restart: always
    stop_grace_period: 1s
  web:
    image: volimg:1
    command: ["sh","-c","[ -f /anon/sessions ] || echo sess > /anon/sessions; exec sleep 1000000"]
    volumes: ["./uploads:/uploads"]
    restart: unless-stopped
    stop_grace_period: 1s
  job:
    image: bb:1
    profiles: ["batch"]
    command: ["sh","-c","exec sleep 1000000"]
    volumes: ["jobdata:/data"]
    stop_grace_period: 1s
volumes:
  pgdata:
  jobdata:
Y
cp /srv/acme/compose.yaml /srv/acme/sub/note.txt
# globex: external volume, bind ./data, .env project name
mkdir -p /srv/globex/data /srv/globex/backups
echo 15 > /srv/globex/data/PG_VERSION; head -c 3000 /dev/urandom > /srv/globex/data/base.dat
echo 'COMPOSE_PROJECT_NAME=globex-prod' > /srv/globex/.env
docker volume create globex_ext >/dev/null
cat > /srv/globex/docker-compose.yml <<'Y'
version: "3"
services:
  api:
    image: bb:1
    command: ["sh","-c","echo x > /ext/file; exec sleep 1000000"]
    volumes: ["ext:/ext", "./data:/data", "cfg:/cfg"]
    stop_grace_period: 1s
volumes:
  ext:
    external: true
    name: globex_ext
  cfg: {}
Y
# initech: v1
mkdir -p /srv/initech
cat > /srv/initech/docker-compose.yml <<'Y'
version: "3"
services:
  db:
    image: volimg:1
    command: ["sh","-c","echo x > /data/rows; echo y > /anon/tmp; exec sleep 1000000"]
    volumes: ["data:/data"]
    stop_grace_period: 1s
volumes:
  data: {}
Y
# hooli: was put down; the volume and the bind folder stay
mkdir -p /srv/hooli/files
for i in 1 2 3 4 5; do head -c 5000 /dev/urandom > /srv/hooli/files/doc$i.pdf; done
cat > /srv/hooli/docker-compose.yml <<'Y'
services:
  app:
    image: bb:1
    command: ["sleep","1000000"]
    volumes: ["./files:/files","db:/data"]
    stop_grace_period: 1s
volumes:
  db:
Y
(cd /srv/acme && docker compose up -d >/dev/null 2>&1)
(cd /srv/globex && docker compose up -d >/dev/null 2>&1)
(cd /srv/initech && docker-compose up -d >/dev/null 2>&1)
(cd /srv/hooli && docker compose up -d >/dev/null 2>&1 && sleep 1 && docker exec hooli-app-1 sh -c 'echo 15 > /data/PG_VERSION; echo gold > /data/rows' && docker compose down -t 1 >/dev/null 2>&1)
docker run -d --name solo --stop-timeout 1 -v /anon2 -v solodata:/data bb:1 sh -c 'echo a > /anon2/f; echo b > /data/f; exec sleep 1000000' >/dev/null
docker run -d --name temp --rm --stop-timeout 1 -v /anon3 bb:1 sh -c 'echo a > /anon3/f; exec sleep 1000000' >/dev/null
docker run --name idle -v /anon4 -v idledata:/data bb:1 sh -c 'echo a > /anon4/f; echo b > /data/f' >/dev/null
docker volume create loose >/dev/null; docker run --rm -v loose:/d bb:1 sh -c 'echo old-backup > /d/dump.sql'
docker network create lonely >/dev/null
# host files
mkdir -p /srv/plain/deep /srv/backups /srv/mirror /srv/newsite /srv/emptydir
echo one > /srv/plain/a.log; echo two > /srv/plain/c.txt; echo three > /srv/plain/deep/b.log; head -c 100000 /dev/urandom > /srv/plain/big
ln -s /srv/plain/c.txt /srv/plain/to-c; ln -s /srv/plain /srv/link
cp -a /srv/plain/. /srv/mirror/; echo only-in-mirror > /srv/mirror/extra.txt
for d in 01 02 03 04 05 06 07; do echo "dump $d $(head -c 200 /dev/urandom | base64 -w0)" > /srv/backups/shop-2025-11-$d.sql; touch -d "2025-11-$d 02:00" /srv/backups/shop-2025-11-$d.sql; done
echo '<h1>new</h1>' > /srv/newsite/index.html
sqlite3 /srv/app.db 'CREATE TABLE t(x); INSERT INTO t VALUES (1),(2);'
printf 'DROP TABLE IF EXISTS orders;\n' > /srv/wipe.sql
printf 'DROP TABLE IF EXISTS orders;\nCREATE TABLE orders(id int, note text);\nINSERT INTO orders VALUES (99, '"'restored'"');\n' > /srv/dump.sql
printf 'SELECT 1;\n' > /srv/ask.sql
mkdir -p /srv/repo/sub /srv/repo/uploads; cd /srv/repo; git init -q .; git config user.email a@example.org; git config user.name a
echo v1 > a.txt; echo v1 > sub/b.txt; echo v1 > same.txt; printf 'ignored/\n.env\n' > .gitignore; git add -A; git commit -qm one; echo v2 > a.txt; git commit -qam two
git branch feature HEAD~1; git checkout -q feature; echo feat > feat.txt; git add feat.txt; git commit -qm feat; git checkout -q master 2>/dev/null || git checkout -q main
sleep 1.1; echo changed > a.txt; echo changed > sub/b.txt; echo untracked > new.txt; echo user-upload > uploads/pic.jpg; mkdir -p ignored; echo ign > ignored/x; echo SECRET=1 > .env; echo staged > staged.txt; git add staged.txt
cd /
# a user with an app
useradd -m -s /bin/bash deploy; mkdir -p /home/deploy/app/uploads /home/deploy/app/logs
echo photo > /home/deploy/app/uploads/u1.jpg; echo photo > /home/deploy/app/uploads/u2.jpg; echo l > /home/deploy/app/logs/app.log
sqlite3 /home/deploy/app/data.sqlite 'CREATE TABLE u(x); INSERT INTO u VALUES (1);'
echo 'PORT=9000' > /home/deploy/app/.env; chown -R deploy: /home/deploy
cat > /etc/systemd/system/app.service <<'U'
[Unit]
Description=deploy app
[Service]
User=deploy
WorkingDirectory=/home/deploy/app
ExecStart=/usr/bin/python3 -m http.server 9000
Restart=always
[Install]
WantedBy=multi-user.target
U
systemctl daemon-reload; systemctl enable -q --now app
printf '# jobs\n0 3 * * * /usr/local/bin/backup.sh\n*/5 * * * * /usr/local/bin/poll.sh\n' | crontab -
printf '0 1 * * * echo hi\n' | crontab -u deploy -
printf '#!/bin/sh\ntar czf /srv/backups/site.tgz /var/www/html\n' > /usr/local/bin/backup.sh; chmod +x /usr/local/bin/backup.sh
mkdir -p /var/www/html/uploads; echo '<h1>client site</h1>' > /var/www/html/index.html; echo pic > /var/www/html/uploads/p.jpg
systemctl start nginx postgresql mariadb redis-server
su postgres -c "createuser -s root" ; su postgres -c "createdb root"; createdb shop; psql -q shop -c "CREATE TABLE orders(id int, note text, data jsonb); INSERT INTO orders VALUES (1,'a','{}'),(2,'b','{}');"
psql -q shop -c "CREATE FUNCTION truncate_tables(who text) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN EXECUTE 'TRUNCATE orders'; END \$\$;"
mysql -e "CREATE DATABASE shop; CREATE TABLE shop.orders(id int, note text); INSERT INTO shop.orders VALUES (1,'a'),(2,'b'); CREATE USER app@localhost IDENTIFIED BY 'MyVault1'; GRANT ALL ON shop.* TO app@localhost; CREATE USER web@localhost IDENTIFIED BY 'secret'; GRANT ALL ON shop.* TO web@localhost;"
redis-cli set sess:1 a >/dev/null; redis-cli set sess:2 b >/dev/null; redis-cli set user:1 c >/dev/null; redis-cli -n 1 set x y >/dev/null; redis-cli save >/dev/null
mkdir -p /srv/proj; cat > /srv/proj/Makefile <<'M'
COMPOSE = docker compose -f /srv/acme/compose.yaml
up:
	$(COMPOSE) up -d
down:
	$(COMPOSE) down
clean:
	$(COMPOSE) down -v --remove-orphans
	rm -rf /srv/globex/data
M
mkdir -p /srv/proj/docker/data; echo keep > /srv/proj/docker/data/f
# a database that writes into its container's own layer, and some more of what people keep
mkdir -p /srv/vandelay /srv/two /srv/mongo-app
cat > /srv/vandelay/docker-compose.yml <<'Y'
services:
  db:
    image: bb:1
    command: ["sh","-c","mkdir -p /var/lib/db; [ -f /var/lib/db/PG_VERSION ] || { echo 15 > /var/lib/db/PG_VERSION; head -c 5000000 /dev/urandom > /var/lib/db/base; }; exec sleep 1000000"]
    stop_grace_period: 1s
Y
(cd /srv/vandelay && docker compose up -d >/dev/null 2>&1)
echo first > /srv/two/a.sql; echo second > /srv/two/b.sql
printf 'acme\nglobex-prod\n' > /srv/projects.txt
cp /srv/app.db "/srv/client data.db"
bash "$(dirname "$0")/settled.sh"
for p in shop crm; do echo "$p prod dump $(head -c 100 /dev/urandom | base64 -w0)" > /srv/backups/$p.sql; done

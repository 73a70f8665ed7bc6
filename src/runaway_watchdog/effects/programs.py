"""Which file judges a program: a family below `effects`, and of the two large families the file within.

Names alone: a family is imported by the first line that names one of its programs.
"""

from collections.abc import Mapping


def _by_program(names: Mapping[str, str]) -> dict[str, str]:
    return {program: file for file, programs in names.items() for program in programs.split()}


FILES = _by_program(
    {
        "files": "rm rmdir unlink touch mkdir chmod chown chgrp",
        "copies": "cp install mv",
        "links": "ln rename rename.ul prename file-rename",
        "devices": "truncate dd dcfldd tee shred wipefs blkdiscard mkswap badblocks",
        "archives": """
            tar bsdtar zip unzip split gzip pigz bzip2 pbzip2 xz lzma zstd lz4 lzip compress gunzip bunzip2 unxz unlzma
            unzstd unlz4 uncompress
        """,
        "writers": "sort uniq sed gsed curl wget",
    }
)
"""Programs that work on files: which file of `effects.host` judges each."""
RARELY_DESTROY = frozenset(("touch", "mkdir", "rmdir", *(name for name, file in FILES.items() if file == "writers")))
"""Those of them that rarely destroy anything: an engine is asked only then."""

DATABASES = _by_program(
    {
        "postgres.psql": "psql",
        "postgres.dropdb": "dropdb",
        "postgres.dropuser": "dropuser",
        "postgres.dump": "pg_dump pg_dumpall",
        "postgres.restore": "pg_restore",
        "postgres.bench": "pgbench",
        "postgres.adds": "createdb createuser vacuumdb reindexdb clusterdb pg_isready pg_lsclusters",
        "mysql.mysql": "mysql mariadb",
        "mysql.admin": "mysqladmin mariadb-admin",
        "mysql.dump": "mysqldump mariadb-dump",
        "mysql.load": "mysqlimport mariadb-import",
        "mysql.shows": "mysqlshow mariadb-show mysqlcheck mariadb-check",
        "sqlite.sqlite": "sqlite3",
        "redis.redis": "redis-cli valkey-cli keydb-cli",
        "mongo.shell": "mongosh mongo",
        "mongo.restore": "mongorestore",
        "mongo.load": "mongoimport",
        "mongo.dump": "mongodump",
        "mongo.export": "mongoexport",
        "mongo.files": "mongofiles",
        "other_databases.clickhouse": "clickhouse-client clickhouse",
        "other_databases.cqlsh": "cqlsh",
        "other_databases.influx": "influx",
        "other_databases.etcd": "etcdctl",
    }
)
"""Clients of databases: which file of `effects.host` judges each, and its function there."""

FAMILIES = {
    **dict.fromkeys(FILES, "host.files"),
    **dict.fromkeys(DATABASES, "host.databases"),
    **_by_program(
        {
            "host.storage": """
                lvremove vgremove pvremove lvreduce lvm lvresize lvconvert vgreduce zfs zpool btrfs mdadm cryptsetup
                parted sgdisk sfdisk fdisk cfdisk gdisk nvme hdparm ddrescue
            """,
            "host.packages": """
                apt apt-get aptitude dpkg userdel deluser pg_dropcluster certbot snap logrotate
            """,
            "host.kill": "kill pkill killall fuser skill snice xkill killall5 slay",
            "host.power": "reboot shutdown poweroff halt init telinit",
            "host.systemd": "systemctl service invoke-rc.d rc-service",
            "host.cron": "crontab at batch atrm",
            "host.find": "find rsync",
            "host.git": "git",
            "podman.command": "podman",
            "elsewhere.clouds": """
                aws gcloud gsutil az azcopy doctl hcloud linode-cli scw oci ibmcloud heroku fly flyctl vercel netlify
                firebase wrangler railway render s3cmd s4cmd s5cmd mc mcli b2 gh glab exo ovhcloud openstack eksctl
                kops cf dokku
            """,
            "elsewhere.backups": "restic borg rclone kopia duplicity borgmatic tmutil",
            "elsewhere.infrastructure": """
                terraform tofu terragrunt cdktf pulumi cdk sst serverless sls copilot vagrant minikube kind k3d ctlptl
                virsh lxc incus qm pct
            """,
            "elsewhere.migrations": """
                prisma rails rake manage.py django-admin artisan alembic flask migrate flyway liquibase knex
                knex-migrate sequelize sequelize-cli typeorm mikro-orm drizzle-kit dbmate goose atlas sqlx diesel
                sea-orm-cli hasura supabase mix dotnet dotnet-ef ef wp drush payload console symfony phinx ace
                directus medusa strapi
            """,
            "elsewhere.kubernetes": "kubectl helm helm3 oc k3s microk8s",
        }
    ),
}
"""The family of each program that may destroy: its file below `effects`."""

"""Lines as people type them, kind by kind: what each loses, and what each leaves."""

import pytest
from preflight.host_world import LINK, FakeHost, shop

from runaway_watchdog.preflight.sequence import Preflight


def host() -> FakeHost:
    """Plain files in two folders, dumps, a link, a site and a disk."""
    found = shop()
    for path, text in {
        "/srv/plain/a.log": "one", "/srv/plain/c.txt": "two", "/srv/plain/deep/b.log": "three", "/srv/plain/.hid": "h",
        "/srv/two/a.sql": "first", "/srv/two/b.sql": "second", "/srv/site/index.html": "new", "/srv/ask.sql": "SELECT",
        "/srv/to-c": f"{LINK}/srv/plain/c.txt", "/srv/plainlink": f"{LINK}/srv/plain", "/dev/full": "\0device",
        "/var/www/index.html": "old site", "/var/www/uploads/p.jpg": "pic", "/var/www/uploads/q.jpg": "pic2",
        "/srv/packed.gz": "gz", "/dev/vg/data": "\0device", "/home/ann/work/x.txt": "x", "/var/mail/ann": "mail",
        "/var/lib/postgresql/15/main/PG_VERSION": "15", "/etc/postgresql/15/main/postgresql.conf": "port",
        "/etc/letsencrypt/archive/shop.org/privkey1.pem": "k", "/var/lib/dpkg/info/nginx.list": "/etc",
        "/var/lib/dpkg/info/nginx.conffiles": "/etc/nginx/nginx.conf\n", "/etc/nginx/nginx.conf": "worker",
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n",
    }.items():  # fmt: skip
        found.files.add(path, text)
    return found


def lost(found: Preflight) -> set[str]:
    return {each.name for each in found.lost}


LOST = {
    "a source that is no plain file": [
        ("cp /dev/null /srv/notes.txt", {"/srv/notes.txt"}),
        ("cp -f /dev/null /srv/plain/*.txt", {"/srv/plain/c.txt"}),
        ("cp /dev/zero /srv/notes.txt", {"/srv/notes.txt"}),
        ("cat x | cp /dev/stdin /srv/notes.txt", {"/srv/notes.txt"}),
        ("cp /dev/fd/0 /srv/notes.txt < /srv/ask.sql", {"/srv/notes.txt"}),
        ("cp <(echo hi) /srv/notes.txt", {"/srv/notes.txt"}),
        ("cp /proc/self/fd/0 /srv/notes.txt", {"/srv/notes.txt"}),
        ("cp /srv/to-c /srv/notes.txt", {"/srv/notes.txt"}),
        ("cp -P /srv/to-c /srv/notes.txt", {"/srv/notes.txt"}),
        ("cp --remove-destination /srv/to-c /srv/notes.txt", {"/srv/notes.txt"}),
        ("install -m 600 /dev/null /srv/notes.txt", {"/srv/notes.txt"}),
        ("install -D /dev/null /srv/plain/c.txt", {"/srv/plain/c.txt"}),
        ("cp -t /srv/plain /dev/null", set()),
        ("cp /srv/ask.sql -t /srv/two", set()),
        ("cp /srv/two/a.sql /srv/two/b.sql /srv", set()),
        ("cp /srv/site /srv/notes.txt", set()),
        ("cp /srv/absent /srv/notes.txt", set()),
        ("cp $X /srv/notes.txt", {"/srv/notes.txt"}),
    ],
    "an answered question": [
        ("yes | cp -i /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("cp -i /srv/ask.sql /srv/notes.txt <<< y", {"/srv/notes.txt"}),
        ("echo y | cp -i /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("printf 'y\\n' | mv -i /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("yes | mv --interactive /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("yes | ln -si /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("yes n | cp -i /srv/ask.sql /srv/notes.txt", set()),
        ("echo no | cp -i /srv/ask.sql /srv/notes.txt", set()),
        ("cp -i /srv/ask.sql /srv/notes.txt < /dev/null", set()),
        ("cp -i /srv/ask.sql /srv/notes.txt", set()),
        ("yes | cp -n /srv/ask.sql /srv/notes.txt", set()),
        ("mv -i -f /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("yes | rm -i /srv/notes.txt", {"/srv/notes.txt"}),
        ("echo n | rm -i /srv/notes.txt", set()),
        ("echo n | rm -if /srv/notes.txt", {"/srv/notes.txt"}),
    ],
    "what the line makes itself": [
        ("touch /tmp/e && cp /tmp/e /srv/notes.txt", {"/srv/notes.txt"}),
        ("cd /srv/plain; cp c.txt n && cp n a.log", {"/srv/plain/a.log"}),
        ("echo x > /tmp/n; mv /tmp/n /srv/notes.txt", {"/srv/notes.txt"}),
        ("echo x >> /tmp/n; mv /tmp/n /srv/notes.txt", {"/srv/notes.txt"}),
        ("echo x | tee /srv/new; mv /srv/new /srv/notes.txt", {"/srv/notes.txt"}),
        ("mkdir /srv/n && rsync -a --delete /srv/n/ /srv/plain/", {"/srv/plain"}),
        ("ln -s /srv/plain /srv/l && rm -rf /srv/l/*", {"/srv/plain/a.log", "/srv/plain/c.txt", "/srv/plain/deep"}),
        ("cp -r /srv/plain /srv/copy && rm -rf /srv/copy", set()),
        ("echo x > /srv/n; rm /srv/n", set()),
        ("echo x > /srv/notes.txt; rm /srv/notes.txt", {"/srv/notes.txt"}),
        ("mkdir /srv/n && mv /srv/plain /srv/n/ && rm -rf /srv/n", {"/srv/plain"}),
        ("mv /srv/plain /tmp/ && rm -rf /tmp/plain", {"/srv/plain"}),
        ("mv /srv/plain /srv/x && mv /srv/x /srv/y && rm -rf /srv/y", {"/srv/plain"}),
        ("mv /srv/plain/c.txt /tmp/; rm /tmp/*.txt", {"/srv/plain/c.txt"}),
        ("gzip /srv/notes.txt && rm /srv/notes.txt.gz", {"/srv/notes.txt"}),
        ("gzip -k /srv/notes.txt && rm /srv/notes.txt.gz", set()),
        ("mv /srv/notes.txt /dev/null", {"/srv/notes.txt"}),
    ],
    "patterns as targets": [
        ("cd /srv/two && cp *.sql", {"/srv/two/b.sql"}),
        ("cd /srv/two && mv *.sql", {"/srv/two/b.sql"}),
        ("cd /srv/two && tar cf *.sql", {"/srv/two/a.sql"}),
        ("cd /srv/two && tar -cf *", {"/srv/two/a.sql"}),
        ("cp /srv/ask.sql /srv/plain/c.t*", {"/srv/plain/c.txt"}),
        ("mv /srv/ask.sql /srv/note?.txt", {"/srv/notes.txt"}),
        ("> /srv/plain/*.txt", {"/srv/plain/c.txt"}),
        (": > $(ls /srv/plain/*.txt)", {"/srv/plain/c.txt"}),
        ("truncate -s0 /srv/plain/*.{log,txt}", {"/srv/plain/a.log", "/srv/plain/c.txt"}),
        ("tee /srv/plain/[ac].* < /dev/null", {"/srv/plain/a.log", "/srv/plain/c.txt"}),
        ("dd if=/dev/zero of=/srv/plain/c.txt count=1", {"/srv/plain/c.txt"}),
        ("ln -sf /srv/ask.sql /srv/plain/c.*", {"/srv/plain/c.txt"}),
        ("sort -o /srv/plain/c.t* /srv/ask.sql", {"/srv/plain/c.txt"}),
    ],
    "rsync": [
        ("cd /srv/site && rsync -a --delete . /var/www/", {"/var/www"}),
        ("rsync -a --delete /srv/site/. /var/www", {"/var/www"}),
        ("cd /srv/site/ && rsync -a --del ./ /var/www", {"/var/www"}),
        ("rsync -a --delete-excluded --exclude x /srv/site/ /var/www", {"/var/www"}),
        ("rsync -rv --delete-after /srv/site/ /var/www", {"/var/www"}),
        ("rsync -a --delete --exclude uploads /srv/site/ /var/www", {"/var/www"}),
        ("rsync -a --delete --exclude '*' /srv/site/ /var/www", set()),
        ("rsync -a --delete /srv/site /var/www", set()),
        ("rsync -an --delete /srv/site/ /var/www", set()),
        ("rsync -a --ignore-existing /srv/site/ /var/www", set()),
        ("rsync -ab --delete /srv/site/ /var/www", set()),
        ("rsync -a /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("rsync --delete /srv/site/ /var/www", set()),
    ],
    "find": [
        ("find /srv/plain -delete -name '*.tmp'", {"/srv/plain/a.log", "/srv/plain/c.txt", "/srv/plain/deep/b.log",
                                                   "/srv/plain/.hid"}),
        ("find /srv/plain -name '*.log' -print -o -delete", {"/srv/plain/c.txt", "/srv/plain/.hid"}),
        ("find /srv/plain ! -name '*.log' -type f -delete", {"/srv/plain/c.txt", "/srv/plain/.hid"}),
        ("find /srv/plain \\( -name '*.log' -o -name '*.txt' \\) -delete",
         {"/srv/plain/a.log", "/srv/plain/c.txt", "/srv/plain/deep/b.log"}),
        ("find -L /srv/plainlink -name '*.txt' -delete", {"/srv/plain/c.txt"}),
        ("find -H /srv/plainlink -name '*.txt' -delete", {"/srv/plain/c.txt"}),
        ("find /srv/plainlink/ -name '*.txt' -delete", {"/srv/plain/c.txt"}),
        ("find /srv/plainlink -name '*.txt' -delete", set()),
        ("find /srv -follow -path '*link/*.txt' -delete", {"/srv/plain/c.txt"}),
        ("find /srv/plain -maxdepth 1 -name '*.log' -delete", {"/srv/plain/a.log"}),
        ("find /srv/plain -name deep -prune -o -name '*.log' -exec rm {} +", {"/srv/plain/a.log"}),
        ("find /srv/plain -name deep -prune -o -name '*.log' -delete", set()),
        ("find /srv/plain -name '*.txt' -exec shred -u {} \\;", {"/srv/plain/c.txt"}),
        ("find /srv/plain -name '*.txt' -exec truncate -s 0 {} \\;", {"/srv/plain/c.txt"}),
        ("find /srv/two -name '*.sql' -exec cp /dev/null {} \\;", {"/srv/two/a.sql", "/srv/two/b.sql"}),
        ("find /srv/two -name '*.sql' -execdir rm {} \\;", {"/srv/two/a.sql", "/srv/two/b.sql"}),
        ("find /srv/two -name 'a*' -exec mv {} /srv/notes.txt \\;", {"/srv/notes.txt"}),
        ("find /srv/plain -type f -fprint /srv/notes.txt", {"/srv/notes.txt"}),
        ("find /srv/plain -false -delete", set()),
        ("find -L /srv -name to-c -exec truncate -s 0 {} \\;", {"/srv/plain/c.txt"}),
        ("find -L /srv -maxdepth 1 -type f -name to-c -delete", set()),
        ("find /srv/plainlink/ -exec rm {} \\;", {"/srv/plain/a.log", "/srv/plain/c.txt", "/srv/plain/deep/b.log",
                                                  "/srv/plain/.hid"}),
        ("find /srv/plain -user root -name '*.txt' -delete", {"/srv/plain/c.txt"}),
        ("find /srv/plain -regex '.*txt' -delete", {"/srv/plain/c.txt"}),
    ],
    "rm": [
        ("rm -rf .", set()),
        ("rm -rf /srv/plain/.", set()),
        ("rm -rf /srv/site/../plain", {"/srv/plain"}),
        ("rm -rf //srv//plain", {"/srv/plain"}),
        ("rm -rf ./plain/", {"/srv/plain"}),
        ("rm -rf ./plain/./deep", {"/srv/plain/deep"}),
        ("rm -rf {plain,site}", {"/srv/plain", "/srv/site"}),
        ("rm -rf plain/*", {"/srv/plain/a.log", "/srv/plain/c.txt", "/srv/plain/deep"}),
        ("rm -rf plain/*/", {"/srv/plain/deep"}),
        ("rm -d plain", set()),
    ],
    "copies and moves over what is there": [
        ("cp -r /srv/site/. /var/www/", {"/var/www/index.html"}),
        ("cp -rT /srv/site /var/www", {"/var/www/index.html"}),
        ("cp -r /srv/site/* /var/www/", {"/var/www/index.html"}),
        ("cp -ru /srv/site/. /var/www/", set()),
        ("cp -rb /srv/site/. /var/www/", set()),
        ("mv -T /srv/site /var/www", set()),
        ("mv /srv/site/index.html /var/www", {"/var/www/index.html"}),
        ("mv -b /srv/site/index.html /var/www", set()),
        ("mv /srv/site /srv/notes.txt", set()),
        ("ln -sf /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("ln -s /srv/ask.sql /srv/notes.txt", set()),
        ("ln -sfn /srv/plain /srv/plainlink", set()),
        ("cp /srv/ask.sql /srv/two/a.sql /srv/notes.txt", set()),
        ("mv /srv/ask.sql /srv/two/a.sql /srv/notes.txt", set()),
        ("cp -s /srv/ask.sql /srv/notes.txt", set()),
        ("cp --parents plain/c.txt two/", set()),
        ("cp --parents notes.txt /srv/plain/", set()),
        ("cd /srv/two && cp --parents a.sql b.sql ../plain/../two", set()),
        ("cp -sf /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("ln -f /srv/absent /srv/notes.txt", set()),
        ("ln -sf /srv/notes.txt /srv/notes.txt", set()),
        ("cp -r /srv/plain /srv/", set()),
        ("dd if=/srv/absent of=/srv/notes.txt", set()),
        ("dd if=/srv/ask.sql of=/srv/two/a.sql of=/srv/notes.txt", {"/srv/notes.txt"}),
        ("rename notes ask /srv/notes.txt", set()),
        ("rename notes.txt ask.sql /srv/notes.txt", {"/srv/ask.sql"}),
    ],
    "archives": [
        ("tar czf /srv/notes.txt /srv/plain", {"/srv/notes.txt"}),
        ("tar --create --file=/srv/notes.txt /srv/plain", {"/srv/notes.txt"}),
        ("tar czfC /srv/notes.txt /srv plain", {"/srv/notes.txt"}),
        ("tar cf /srv/new.tar --remove-files /srv/plain", {"/srv/plain"}),
        ("tar cf /dev/null --remove-files /srv/plain", {"/srv/plain"}),
        ("tar xf /srv/absent.tar -C /srv/plain", set()),
        ("tar xkf /srv/notes.txt -C /srv/plain", set()),
        ("mkdir /srv/n; tar xf /srv/notes.txt -C /srv/n", set()),
        ("zip -r /srv/new.zip /srv/plain", set()),
        ("zip -m /srv/new.zip /srv/notes.txt", {"/srv/notes.txt"}),
        ("zip -r /srv/notes.txt /srv/plain", {"/srv/notes.txt"}),
        ("gzip -f /srv/packed", set()),
        ("gunzip -f /srv/packed.gz", set()),
        ("touch /srv/packed; gunzip -f /srv/packed.gz", set()),
        ("gzip /srv/notes.txt", set()),
        ("zstd --rm /srv/notes.txt", set()),
    ],
    "writers": [
        ("sort -o /srv/notes.txt /srv/ask.sql", {"/srv/notes.txt"}),
        ("sort /srv/ask.sql --output=/srv/notes.txt", {"/srv/notes.txt"}),
        ("sort -uo/srv/notes.txt /srv/ask.sql", {"/srv/notes.txt"}),
        ("uniq /srv/ask.sql /srv/notes.txt", {"/srv/notes.txt"}),
        ("sort -o /srv/notes.txt /srv/absent", set()),
        ("sed -i '1d' /srv/notes.txt", {"/srv/notes.txt"}),
        ("sed -i.bak '1d' /srv/notes.txt", set()),
        ("sed -i -e s/a/b/ /srv/absent", set()),
        ("shred /srv/notes.txt", {"/srv/notes.txt"}),
        ("truncate --size=-1 /srv/notes.txt", {"/srv/notes.txt"}),
        ("truncate -s '>1K' /srv/notes.txt", set()),
    ],
    "volumes, accounts and packages": [
        ("lvremove -f vg/data", {"vg/data"}),
        ("lvremove -y /dev/vg/data", {"/dev/vg/data"}),
        ("lvremove -t vg/data", set()),
        ("vgremove vg", {"vg"}),
        ("pvremove /dev/sda", {"/dev/sda"}),
        ("zfs destroy -r tank/data", {"tank/data"}),
        ("zfs destroy -n tank/data", set()),
        ("zpool destroy tank", {"tank"}),
        ("btrfs subvolume delete /srv/plain", {"/srv/plain"}),
        ("mdadm --zero-superblock /dev/sda", {"/dev/sda"}),
        ("cryptsetup luksFormat /dev/sda", {"/dev/sda"}),
        ("cryptsetup erase /dev/sda", {"/dev/sda"}),
        ("mkfs -t ext4 /dev/sda", {"/dev/sda"}),
        ("sgdisk --zap-all /dev/sda", {"/dev/sda"}),
        ("userdel -r ann", {"/home/ann", "/var/mail/ann"}),
        ("userdel ann", set()),
        ("deluser --remove-home ann", {"/home/ann", "/var/mail/ann"}),
        ("pg_dropcluster --stop 15 main", {"/var/lib/postgresql/15/main", "/etc/postgresql/15/main"}),
        ("certbot delete --cert-name shop.org", {"/etc/letsencrypt/archive/shop.org"}),
    ],
}  # fmt: skip
CASES = [(kind, *case) for kind, cases in LOST.items() for case in cases]


@pytest.mark.parametrize(("kind", "line", "expected"), CASES, ids=[f"{kind}: {line}" for kind, line, _ in CASES])
def test_exactly_this_is_lost(kind: str, line: str, expected: set[str]) -> None:
    """Each thing by its name as it is on the disk now."""
    assert lost(host().judge(line)) == expected


def test_rsync_with_whole_paths_or_a_list_replaces_below_them() -> None:
    """-R sends the path as it is written, or from `/./` on; a list names what is in the source (rsync(1))."""
    made = host()
    for path, text in {"/bak/srv/site/i": "older", "/bak/site/i": "old", "/srv/site/i": "new one"}.items():
        made.files.add(path, text)
    for line in (
        "cd /bak && rsync -aR srv/site/i /", "cd /bak && rsync -aR ./site /srv/", "rsync -aR /bak/./srv/site/i /",
        "cd /bak && rsync -a --relative site/ /srv", "rsync --files-from=/root/list /bak/site /srv/site",
        "cd /bak && rsync --files-from=list . /",
    ):  # fmt: skip
        assert made.judge(line).lost, line
    assert made.judge("rsync -aR /bak/srv/site/i /new").lost == ()


UNKNOWN = [
    "cp /srv/notes.txt $DIR", "cp $X /srv/plain/", "mv /srv/notes.txt $DIR", "ln -sf /srv/ask.sql $X",
    "tar xf /srv/packed.gz -C /srv/plain", "tar cf $X /srv/plain", "unzip -o $X -d /srv/plain", "> /srv/two/*.sql",
    "sort -o $X /srv/notes.txt", "sed -i '1d' $X", "rm -rf $X/*", "find $X -delete",
    "rsync -a --delete $X/ /srv/plain/", "cd $X && rsync -a --delete . /srv/plain", "cd $X && mv a /srv/plain/c.txt",
    "systemd-run -p WorkingDirectory=/srv/two bash -c 'rsync -a --delete . /srv/plain'", "cd $X && crontab a",
    "time D=/srv/plain; rm -rf $D/", "time -p CDPATH=/srv; cd two && rm -rf *",
    "userdel -r $X", "pg_dropcluster 15 $X", "lvremove $X", "zfs destroy $X", "cryptsetup erase $X", "mkfs.ext4 $X",
    "apt purge 'ngin*'", "apt-get autoremove --purge", "logrotate -f /etc/logrotate.conf", "dd if=/srv/ask.sql of=$X",
    "tee $X",
    "shred $X", "truncate -s 0 $X", "gzip -f $X", "install -m 600 /dev/null $X", "cp -r $X /srv/two/", "rm -rf /",
]  # fmt: skip


@pytest.mark.parametrize("line", UNKNOWN)
def test_an_operand_that_is_not_known_is_never_safe(line: str) -> None:
    """A variable that nobody set, in the place of any operand."""
    assert host().judge(line).unknown


def test_a_package_takes_its_configuration_along() -> None:
    """What its own scripts remove is not known beside."""
    found = host().judge("apt purge -y nginx")
    assert "/etc/nginx/nginx.conf" in lost(found) | {f"{each}/nginx.conf" for each in lost(found)}
    assert found.unknown
    assert not host().judge("apt purge -y absent").lost


def test_busybox_deletes_everything() -> None:
    """It does not refuse "/" as GNU's does."""
    assert "/" in lost(host().judge("busybox rm -rf /"))


def test_a_disk_that_is_mounted_below_a_cache_is_no_cache() -> None:
    """The same for a user's own place for what may go."""
    found = host()
    found.files.add("/home/deploy/.cache/build/data/x", "x")
    assert lost(found.judge("rm -rf /home/deploy/.cache/build")) == set()
    found.files.add("/proc/self/mounts", "/dev/sdb1 /home/deploy/.cache/build/data ext4 rw 0 0\n")
    assert lost(found.judge("rm -rf /home/deploy/.cache/build")) == {"/home/deploy/.cache/build"}


def test_a_disk_that_is_mounted_below_tmp_is_no_temporary_file() -> None:
    """A bind mount or a volume; tmpfs is."""
    found = host()
    found.files.add("/tmp/data/x", "x")
    assert lost(found.judge("rm -rf /tmp/data")) == set()
    found.files.add("/proc/self/mounts", "/dev/sdb1 /tmp/data ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n")
    assert lost(found.judge("rm -rf /tmp/data")) == {"/tmp/data"}
    assert lost(found.judge("rm -rf /tmp/scratch")) == set()

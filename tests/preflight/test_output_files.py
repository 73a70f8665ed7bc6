"""Programs that do their own work, and the file that they are told to write: what stands in it is lost."""

import pytest
from preflight.test_file_kinds import host, lost

from runaway_watchdog.guard import hook
from runaway_watchdog.guard.decide import decide
from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.document import to_json
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.preflight.verdict import verdict

NOTES = {"/srv/notes.txt"}
WRITTEN_OVER = {
    "compilers and linkers": [
        "gcc -o /srv/notes.txt a.c", "gcc a.c -onotes.txt", "g++ -O2 -Wall main.cc -o notes.txt -lm",
        "cc -c a.c -MF notes.txt", "clang -target x86 a.c -o notes.txt", "ld -o notes.txt a.o", "as a.s -o notes.txt",
        "rustc x.rs -o notes.txt", "ghc -O2 Main.hs -o notes.txt", "strip -o notes.txt a.out",
        "CC=gcc; $CC -o notes.txt a.c", "msgfmt x.po -o notes.txt",
    ],
    "pictures, sound and documents": [
        "ffmpeg -y -i in.mp4 notes.txt", "ffmpeg -i in.mp4 -c:v libx264 -crf 23 -y notes.txt",
        "yes | ffmpeg -i in.mp4 notes.txt", "ffmpeg -i in.mp4 -vn notes.txt <<< y", "convert a.png notes.txt",
        "convert a.png -resize 50% notes.txt", "magick a.png b.png -append notes.txt", "convert a.png jpg:notes.txt",
        "montage *.png notes.txt", "pandoc -o notes.txt a.md", "pandoc a.md -s --output=notes.txt",
        "dot -Tpng g.dot -o notes.txt", "dot -Tpng -onotes.txt g.dot", "sox a.wav notes.txt",
        "cwebp -q 80 a.png -o notes.txt", "gs -sDEVICE=pdfwrite -sOutputFile=notes.txt a.ps",
        "wkhtmltopdf http://x notes.txt", "pdftotext a.pdf notes.txt", "qpdf a.pdf notes.txt",
        "inkscape a.svg -o notes.txt", "rsvg-convert a.svg -o notes.txt", "mogrify -resize 50% notes.txt",
    ],
    "keys and secrets": [
        "openssl genrsa -out notes.txt 2048", "openssl req -new -key k -keyout notes.txt -out new.csr",
        "openssl enc -aes-256-cbc -pbkdf2 -in a -out notes.txt",
        "openssl pkcs12 -export -in c -inkey k -out notes.txt", "gpg --batch --yes -o notes.txt -c x",
        "gpg --yes --output=notes.txt -d x.gpg", "age -d -i key -o notes.txt x.age", "htpasswd -bc notes.txt ann x",
        "yes | ssh-keygen -t ed25519 -N '' -f notes.txt", "sops -d --output notes.txt x.yaml",
        "ssh-keygen -q -t rsa -N '' -f notes.txt <<< y",
    ],
    "what looks and writes it down": [
        "tcpdump -i eth0 -w notes.txt", "tcpdump -w notes.txt -c 10 port 80", "tshark -i any -w notes.txt",
        "strace -f -o notes.txt ls", "nmap -oN notes.txt 10.0.0.0/24", "script notes.txt",
        "script -c uptime notes.txt", "iptables-save -f notes.txt", "tree -o notes.txt",
        "diff --output=notes.txt a b",
        "iconv -f l1 -t utf8 x -o notes.txt", "shuf -o notes.txt x", "xmllint --format x --output notes.txt",
        "xsltproc -o notes.txt a.xsl b.xml", "xxd -r x notes.txt", "sort x | sponge notes.txt",
        "http -o notes.txt http://x", "xxd x notes.txt", "ddrescue /dev/sda notes.txt",
        "patch -o notes.txt a.txt a.patch", "genisoimage -o notes.txt plain", "/usr/bin/time -o notes.txt ls",
        "command time -v --output=notes.txt ls", "sudo time -o notes.txt ls",
    ],
    "what comes from elsewhere": [
        "scp u@h:a notes.txt", "scp u@h:notes.txt .", "scp -r u@h:x/notes.txt /srv/", "aws s3 cp s3://b/k notes.txt",
        "aws s3 cp s3://b/notes.txt .", "gsutil cp gs://b/k notes.txt", "kubectl cp pod:/x notes.txt",
        "rclone copyto r:x notes.txt", "borg export-tar r::a notes.txt", "jar cf notes.txt plain",
        "pax -wf notes.txt plain", "scp u@h:{notes.txt,new.txt} .",
    ],
    "options that come before, after and several times": [
        "tcpdump -w notes.txt -W 5 -C 10", "tcpdump -G 3600 -w '/srv/%H.txt'", "strace -fo notes.txt ls",
        "lame -h a.wav notes.txt", "lame --resample 44 a.wav notes.txt", "ffmpeg -i a.mp4 notes.txt b.mp4 <<< y",
        "openssl s_client -connect a:1 -sess_out notes.txt", "openssl ocsp -respout notes.txt -issuer a",
        "ffmpeg -y -i a.mp4 notes.txt b.mp4", "ffmpeg -y -i a -map 0:v notes.txt -map 0:a b.mp3",
        "ffmpeg -y -progress notes.txt -i a out.mkv", "rar a -dw x.rar notes.txt", "rar u -df x.rar notes.txt",
        "rar a x.rar notes.txt -dw", "rpl -qw a b notes.txt", "mogrify -path . -resize 50% notes.txt",
        "magick mogrify -resize 50% notes.txt", "gm mogrify -resize 50% notes.txt",
    ],
    "what clients of clouds bring": [
        "aws s3 cp s3://b/k notes.txt --sse AES256", "aws s3 cp --sse AES256 s3://b/k notes.txt",
        "aws s3 mv s3://b/k notes.txt", "aws s3 cp \"$SRC\" notes.txt", "aws --region x s3 cp s3://b/notes.txt /srv/",
        "aws s3api get-object --bucket b --key k notes.txt", "aws lambda invoke --function-name f notes.txt",
        "aws s3api get-object --no-sign-request --bucket b --key k notes.txt --region x",
        "gsutil -m cp gs://b/k notes.txt", "gsutil cp gs://b/notes.txt .", "gcloud storage cp gs://b/k notes.txt",
        "gcloud compute scp vm:/x notes.txt --zone z", "gcloud compute scp vm:/x/notes.txt .",
        "gcloud secrets versions access latest --secret s --out-file notes.txt", "rclone moveto r:x notes.txt",
        "rclone copyurl http://x notes.txt", "az storage blob download -f notes.txt -c x -n y",
        "az storage blob download --container-name x --name y --file notes.txt --no-progress",
        "az storage file download -s x -p y --dest notes.txt", "az storage copy -s https://a/c/k -d notes.txt",
        "az storage fs file download -f fs -p x -d notes.txt", "azcopy copy 'https://a/c/k?sig=x' notes.txt",
        "mc cp s/b/k notes.txt", "mc get s/b/k notes.txt", "mc cp s/b/notes.txt .", "mcli mv s/b/k notes.txt",
        "s3cmd get --force s3://b/k notes.txt", "s3cmd get -f s3://b/notes.txt", "s3cmd -f get s3://b/notes.txt .",
        "s4cmd get -f s3://b/k notes.txt", "s5cmd cp s3://b/k notes.txt", "b2 file download b2://b/k notes.txt",
        "b2 download-file-by-name b k notes.txt", "oci os object get -bn b --name k --file notes.txt",
        "openstack object save c o --file notes.txt", "gh release download -p x -O notes.txt --clobber",
        "heroku pg:backups:download -o notes.txt", "lxc file pull c/x notes.txt", "incus file pull c/x/notes.txt .",
        "wrangler r2 object get b/k --file=notes.txt",
    ],
    "edits in place": [
        "perl -pi -e 's/a/b/' notes.txt", "perl -i -ne 'print if /x/' notes.txt",
        "perl -pi -e 's/a/b/;' -e 'tr/a/b/' notes.txt", "ruby -pi -e '$_.upcase!' notes.txt",
        "awk -i inplace '{print $1}' notes.txt", "gawk -i inplace -F: '{print}' notes.txt",
        "yq -i '.a = 1' notes.txt",
        "yq eval --inplace 'del(.a)' notes.txt", "sd a b notes.txt", "exiftool -overwrite_original -all= notes.txt",
        "vim -es -c '%d' -c wq notes.txt", "vim -c '%s/a/b/g' -c wq notes.txt", "vim -c 'g/x/d|w' notes.txt",
        "nvim --headless -c '%d' -c 'wq' notes.txt", "vim '+%d' +wq notes.txt", "ex -sc 'g/a/d' -cx notes.txt",
        "ex -s notes.txt <<'E'\n1,$d\nx\nE", "ed -s notes.txt <<'E'\n1d\nw\nq\nE", "ed notes.txt <<< $'1d\\nw'",
        "vim -c 'w! notes.txt' -c q x", "ed -s x <<'E'\nw notes.txt\nE", "dos2unix -n x notes.txt",
        "fallocate -p -o 0 -l 4096 notes.txt", "fallocate --collapse-range -l 4096 notes.txt",
    ],
    "what a line of an editor holds behind bars": [
        "vim -c ':%d|wq' notes.txt", "vim -c 'set nu | %d | w' notes.txt", "vim -es +'%d|wq' notes.txt",
        "vim -c 'silent! w! notes.txt' -c q x", "vim -c 'if 1 | w! notes.txt | endif' x", "vim -c 'sil w! notes.txt' x",
        "vim -c 'e notes.txt | %d | w' x", "vim -c 'tabnew notes.txt | %d | w' x", "vim -c 'tabnew|w!notes.txt' x",
        "vim -c 'normal ggdGZZ' notes.txt", "vim -c 'argdo %d | update' notes.txt", "vim -c 'saveas! notes.txt' x",
        "vim -c 'redir! > notes.txt' -c q x", "vim -c 'mks! notes.txt' x", "vim -c 'g/a|b/d|w' notes.txt",
        "ex -c '%d|wq' notes.txt", "ex notes.txt <<< '%d|wq'", "view -c '%d|wq!' notes.txt",
        "vim -c 'vs notes.txt | %d | wq' x",
    ],
    "files taken into an archive": [
        "7z a -sdel x.7z notes.txt", "rar a -df x.rar notes.txt", "rar m x.rar notes.txt",
        "7z a x.7z notes.txt -sdel",
    ],
}  # fmt: skip
STAYS = {
    "what is not there yet": [
        "gcc -o app a.c", "ffmpeg -y -i in.mp4 out.mp4", "openssl rand -out new.bin 4", "convert a.png b.png",
        "pandoc -o new.html a.md", "tcpdump -w new.pcap", "script new.txt", "scp u@h:a new.txt",
        "aws s3 cp s3://b/k .", "mc cp s/b/k new", "az storage blob download -c x -n y -f new", "mc cp new s/b/k",
        "aws s3 sync s3://b/x new", "kubectl cp pod:/x new", "rclone moveto r:x new", "gpg --yes -o new -d x.gpg",
        "xxd -r x new", "htpasswd -bc new ann x",
        "ssh-keygen -t rsa -N '' -f new <<< y", "restic restore latest --target new", "7z x a.7z -y -onew",
        "cpio -idmu -D new < x", "csplit x 5", "scp -r u@h:d new",
    ],
    "what it asks about, or refuses": [
        "ffmpeg -i in.mp4 notes.txt", "ffmpeg -n -i in.mp4 notes.txt", "gpg -o notes.txt -d x.gpg",
        "yes | gpg -o notes.txt -d x", "ssh-keygen -t ed25519 -f notes.txt",
        "ssh-keygen -t ed25519 -N '' -f notes.txt < /dev/null", "7z x a.7z", "unrar x a.rar",
        "aria2c -o notes.txt http://x", "go build -o notes.txt .", "7z x a.7z -aos -oplain",
        "asciinema rec notes.txt",
        "rclone copy --ignore-existing r:x plain", "gsutil cp -n gs://b/k notes.txt",
        "gcloud storage cp --no-clobber gs://b/k notes.txt", "azcopy copy https://a/c/k notes.txt --overwrite=false",
        "az storage blob download -c x -n y -f notes.txt --overwrite false", "s3cmd get s3://b/k notes.txt",
        "s3cmd get --force --skip-existing s3://b/k notes.txt", "s5cmd cp -n s3://b/k notes.txt",
        "mc mirror s/b plain",
        "gh release download -O notes.txt", "rclone copyurl http://x notes.txt --no-clobber",
    ],
    "what it only reads": [
        "gcc -c notes.txt", "gcc -I . -include notes.txt -c a.c", "ffmpeg -i notes.txt -f null -",
        "ffprobe notes.txt",
        "openssl x509 -in notes.txt -noout", "openssl dgst -sha256 notes.txt", "convert -list font",
        "identify notes.txt", "pandoc notes.txt", "tcpdump -r notes.txt", "gpg -d notes.txt",
        "gpg --verify notes.txt",
        "strace -p 4242", "nmap -iL notes.txt", "scp notes.txt u@h:", "scp notes.txt u@h:notes.txt",
        "aws s3 cp notes.txt s3://b/", "kubectl cp notes.txt pod:/x", "gsutil cp notes.txt gs://b/k",
        "mc cp notes.txt s/b/k", "aws s3 cp s3://b/k -", "aws s3 sync plain s3://b",
        "azcopy copy notes.txt https://a/c/k",
        "aws s3 cp s3://b/k notes.txt --dryrun", "gcloud compute scp notes.txt vm:/x",
        "aws ec2 wait x --ids notes.txt",
        "aws s3api put-object --bucket b --key k --body notes.txt", "az deployment group create -f notes.txt",
        "xxd notes.txt", "htpasswd -n ann",
        "htpasswd notes.txt ann", "ssh-keygen -lf notes.txt", "ssh-keygen -y -f notes.txt",
        "ssh-keygen -R h -f notes.txt", "tcpdump -w - | gzip > new.gz", "vim notes.txt", "vim -c 'set nu' notes.txt",
        "vim +12 notes.txt", "vim -c wq notes.txt", "vim -d notes.txt x", "ed notes.txt", "yq .a notes.txt",
        "sd -p a b notes.txt", "perl -ne 'print' notes.txt", "7z l notes.txt", "7z a new.7z notes.txt",
        "script -a notes.txt", "sort x | sponge -a notes.txt", "jar tf notes.txt", "wkhtmltopdf notes.txt",
        "fallocate -l 10M notes.txt", "strace -A -o notes.txt ls", "ffmpeg -y -i notes.txt http://x/y",
        "convert notes.txt info:", "gs notes.txt", "cpio -o < x > new.cpio",
    ],
    "what an editor writes as it is, or refuses": [
        "vim -c 'set nu | w!' notes.txt", "vim -c 'set nu | set list' notes.txt", "vim -c 'let g:x=1' notes.txt",
        "vim -c 'w notes.txt' x", "vim -c 'sav notes.txt' x", "vim -c 'echo strftime(\"%F\") | q' notes.txt",
        "vim +PlugInstall +qall", "vim +/foo notes.txt", "vim -c 'mks notes.txt' x",
        "vim -c 'sp x | wincmd j' notes.txt", "vim -c 's/a|q/b/' notes.txt",
    ],
    "what gets another name, or a place of its own": [
        "strace -ff -o notes.txt ls", "tcpdump -G 60 -w 'x-%F-%H.pcap'", "mogrify -path plain notes.txt",
        "mogrify -format png notes.txt", "magick mogrify -path new notes.txt", "ffmpeg -n -i a notes.txt b.mp4",
        "docker service update --placement-pref-add spread=node.labels.x web", "docker buildx history ls",
        "docker swarm join-token worker", "rpl --dry-run a b notes.txt", "rpl -b a b notes.txt",
        "rar a x.rar notes.txt",
    ],
    "what keeps the old file": [
        "perl -pi.bak -e 's/a/b/' notes.txt", "perl -i.orig -pe 's/a/b/' notes.txt", "exiftool -all= notes.txt",
        "awk -i inplace -v inplace::suffix=.bak '{print $1}' notes.txt", "dos2unix notes.txt", "unix2dos notes.txt",
    ],
}  # fmt: skip
UNKNOWN = [
    "restic restore latest --target /", "restic restore latest --target plain", "restic restore latest --target $X",
    "borg extract repo::a", "7z x a.7z -y", "7z x a.7z -aoa -oplain", "unrar x -o+ a.rar", "unrar x -y a.rar plain/",
    "cpio -idmu < x", "pax -r -f x", "jar xf x.jar", "ar x x.a", "scp -r u@h:plain .", "scp u@h:'*' plain/",
    "aws s3 sync s3://b/x plain --exclude '*' --include '*.txt'", "mc mirror --overwrite s/b plain",
    "mc cp --recursive s/b/ plain/", "az storage blob download-batch -d plain -s x", "s3cmd get -f -r s3://b/x plain",
    "gh release download v1 --clobber -D plain", "kubectl cp pod:/x plain", "kubectl cp pod:/x .",
    "rclone copyto r:x plain", "rclone move r:x plain", "aws s3 cp s3://b/k $X", "s3cmd get -f s3://b/k $X",
    "az storage blob download -c x -n y -f $X", "lxc file pull -r c/x .",
    "rclone copy r:x plain", "aws s3 sync s3://b/x plain", "aws s3 cp s3://b/x plain --recursive",
    "vim -es -S x.vim notes.txt", "vim -c '!rm x' -c q notes.txt", "cat x | ed -s notes.txt",
    "vim -c 'let g:x=delete(\"f\")' -c q x", "vim -c 'set nu|call delete(\"x\")' x",
    "vim --cmd 'let x=delete(\"y\")' x",
    "vim -c 'echo writefile([], \"x\")' x", "vim -c 'set mp=rm | make' x", "vim -c 'au BufRead * w! y' x",
    "vim -c '%s/x/\\=delete(\"y\")/' x", "vim -c 'g/x/call delete(\"y\")' x", "vim -c 'silent !rm x' x",
    "ed -s x <<'E'\nf notes.txt\nw\nE", "rpl -R a b plain", "rpl -x .txt -R a b /srv",
    "strace -o '|rm x' ls", "strace -o '!rm x' ls",
    "restic restore latest -t plain --delete --overwrite never", "oc rsync pod:/x plain",
    "openssl rand -out $X 4", "convert a.png $X", "perl -pi -e 'unlink' notes.txt",
    "awk -i inplace -f x.awk notes.txt", "awk -i inplace '{print > \"x\"}' notes.txt",
]  # fmt: skip


def permission(found: Preflight) -> str:
    return hook.answer(decide(to_json(found, None, ())), feared=False).permission


@pytest.mark.parametrize("line", [line for lines in WRITTEN_OVER.values() for line in lines])
def test_what_stands_in_the_file_is_lost(line: str) -> None:
    """The file is named, whichever option or place in the line names it."""
    found = host().judge(line)
    assert lost(found) == NOTES
    assert risk(found.unknown) != "high", found.unknown


@pytest.mark.parametrize("line", [line for lines in STAYS.values() for line in lines])
def test_nothing_is_lost_and_nobody_is_asked(line: str) -> None:
    """A new file, a program that asks, one that only reads: silence."""
    found = host().judge(line)
    assert (lost(found), permission(found)) == (set(), "allow"), found.unknown


@pytest.mark.parametrize("line", UNKNOWN)
def test_files_that_nobody_can_name_are_asked_about(line: str) -> None:
    """What an archive, a snapshot or a script writes over is only known when it runs."""
    found = host().judge(line)
    assert (verdict(found), risk(found.unknown)) == ("unknown", "high"), (lost(found), found.unknown)


@pytest.mark.parametrize(
    "line",
    [
        "aws s3 sync s3://b/x plain --delete", "gsutil rsync -d gs://b/x plain",
        "mc mirror --overwrite --remove s/b plain",
        "azcopy sync https://a/c plain --delete-destination=true", "s3cmd sync --delete-removed s3://b/x plain",
    ],
)  # fmt: skip
def test_a_mirror_deletes_what_is_here(line: str) -> None:
    """A mirror of a cloud's folder, made here: what the cloud does not have goes from the folder of this host."""
    assert lost(host().judge(line)) == {"/srv/plain"}


def test_a_build_that_makes_its_program_anew_is_no_loss() -> None:
    """An object file or a program of its own is made of the same sources again."""
    built = host()
    built.files.add("/srv/app", "\x7fELF and more")
    for line in ("gcc -o app a.c", "ld -o app a.o", "rustc x.rs -o app"):
        assert lost(built.judge(line)) == set(), line
    assert lost(built.judge("openssl rand -out app 4")) == {"/srv/app"}


def test_every_numbered_file_of_a_pattern_is_lost() -> None:
    """ffmpeg and ImageMagick count in the name that they are given; split and csplit in their own."""
    numbered = host()
    for name in ("f001.png", "f002.png", "fx.png", "xx00", "part07"):
        numbered.files.add(f"/srv/{name}", "pixels")
    assert lost(numbered.judge("ffmpeg -y -i in.mp4 f%03d.png")) == {"/srv/f001.png", "/srv/f002.png"}
    assert lost(numbered.judge("csplit x 5")) == {"/srv/xx00"}
    assert lost(numbered.judge("csplit -f part x 5")) == {"/srv/part07"}


def test_an_edit_of_a_part_of_a_line_leaves_the_file_in_use() -> None:
    """As with sed: nobody has to be asked about s/a/b/ in a file that a program reads; about `%d` they have."""
    for line in ("perl -pi -e 's/a/b/' notes.txt", "vim -c '%s/a/b/' -c wq notes.txt", "yq -i '.a=1' notes.txt"):
        assert [each.in_use for each in host().judge(line).lost] == [False], line


def test_the_names_that_are_read_with_a_line_are_those_of_the_modules() -> None:
    """Which module judges a program is known without importing it."""
    from runaway_watchdog.effects.host import edits, outputs, unpackers
    from runaway_watchdog.effects.known_programs import WRITES

    modules = {"outputs": outputs.TABLE, "edits": edits.BY_PROGRAM, "unpackers": unpackers.BY_PROGRAM}
    assert {name: where for where, table in modules.items() for name in table} == dict(WRITES)

"""Makefiles, package.json and their kin: a short command is judged as what it runs."""

import json

import pytest
from preflight.host_world import FakeHost

from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.preflight.verdict import verdict

DATA = {"data/a.db": "rows", "data/b.db": "rows", "keep.txt": "text"}
MAKEFILE = """\
DIR := data
FILES = $(DIR)/a.db
UNSET_LATER = $(shell cat dir.txt)

all: build

build: deps
\tgo build ./...

deps:
\t@echo deps

clean: clean-files clean-more
\t@echo cleaned

clean-files:
\trm -f $(FILES)

clean-more: ; rm -f $${PWD}/data/b.db

wipe:
\t-@cd data && \\
\t  rm -f a.db

nuke:
\t$(MAKE) clean-files

by-shell:
\trm -rf $(UNSET_LATER)

by-function:
\trm -rf $(wildcard *.nothing)

by-target data/b.db:
\trm -f $@

by-if:
\t$(if $(DIR),rm,echo) -f $(or $(NOTHING),data/a.db)

quoted:
\tsh -c 'rm -rf $(wildcard x*)'

loop: loop
\t$(MAKE) loop

ifdef PROD
TARGET = data
else
TARGET = nothing
endif
conditional:
\trm -rf $(TARGET)
"""
PACKAGE = json.dumps(
    {
        "scripts": {
            "clean": "rm -f data/a.db", "predev": "rm -f data/b.db", "dev": "next dev", "test": "jest",
            "reset": "npm run clean && yarn predev", "cmd": "rm -f", "wipe": "npx rimraf data", "build": "tsc -p .",
            "postinstall": "node x.js", "db": "prisma migrate reset",
        }
    }
)  # fmt: skip
JUSTFILE = """\
dir := "data"
default: build
build:
    cargo build
clean: drop
    echo done
drop:
    rm -f {{dir}}/a.db
rm name:
    rm -f data/{{name}}
unknown:
    rm -rf {{env_var("X")}}
"""
TASKFILE = """\
version: '3'
vars: {DIR: data}
tasks:
  default: [echo hello]
  clean:
    deps: [drop]
    cmds: [echo done]
  drop:
    cmds:
      - rm -f {{.DIR}}/a.db
      - task: more
  more: {dir: data, cmds: [rm -f b.db]}
  unknown: {cmds: ["rm -rf {{.NOBODY}}"]}
"""
COMPOSER = json.dumps(
    {"scripts": {"clean": ["rm -f data/a.db", "@more"], "more": "rm -f data/b.db",
                 "fresh": "@php artisan migrate:fresh",
                 "code": "App\\Run::it", "post-install-cmd": "rm -f data/a.db"}}
)  # fmt: skip
FILES = {
    **DATA, "Makefile": MAKEFILE, "package.json": PACKAGE, "justfile": JUSTFILE, "Taskfile.yml": TASKFILE,
    "composer.json": COMPOSER, "Procfile": "web: rm -f data/a.db\nworker: ./run.sh\n", "dir.txt": "data\n",
    "bare.sh": "rm -f data/a.db\n", "args.sh": "#!/bin/bash\nrm -f data/$1\n", "strict.sh": "set -e\nrm -f data/a.db\n",
    "del.py": "import os\nos.remove('data/a.db')\n", "unclear.py": "import os, sys\nos.remove(sys.argv[1])\n",
    "web/package.json": json.dumps({"scripts": {"clean": "rm -f ../data/a.db"}}),
}  # fmt: skip
A, B = "/srv/app/data/a.db", "/srv/app/data/b.db"
LOSES = [
    ("make clean", [A, B]), ("make clean-files", [A]), ("make -C /srv/app clean-files", [A]), ("make wipe", [A]),
    ("make nuke", [A]), ("make -j4 clean-files", [A]), ("make clean-files FILES=data/b.db", [B]),
    ("make by-if", [A]), ("make by-shell", ["/srv/app/data"]),
    ("make data/b.db", [B]), ("cd / && make -C /srv/app -f Makefile wipe", [A]), ("sudo make clean-files", [A]),
    ("make build clean-files", [A]),
    ("npm run clean", [A]), ("yarn clean", [A]), ("pnpm run clean", [A]), ("bun run clean", [A]), ("npm run dev", [B]),
    ("npm run reset", [A, B]), ("npm run cmd -- data/a.db", [A]), ("npm run wipe", ["/srv/app/data"]),
    ("npm --prefix web run clean", [A]), ("cd data && npm run clean", [A]),
    ("npm run db", ["of the project in /srv/app"]),
    ("just clean", [A]), ("just drop", [A]), ("just rm a.db", [A]),
    ("task clean", [A, B]), ("task drop", [A, B]),
    ("composer clean", [A, B]), ("composer run-script more", [B]), ("composer install", [A]),
    ("composer run fresh", ["of the project in /srv/app"]),
    ("foreman start", [A]), ("honcho start web", [A]),
    ("bash bare.sh", [A]), ("./bare.sh", [A]), ("bash args.sh a.db", [A]), ("./args.sh b.db", [B]),
    ("source strict.sh", [A]),
    ("bash -eo pipefail strict.sh", [A]), ("sh -eux strict.sh", [A]),
    ("python3 -c \"import shutil; shutil.rmtree('data')\"", ["/srv/app/data"]),
    ("python3 -c \"from os import remove as r; r('data/a.db')\"", [A]),
    ("python3 -c \"from pathlib import Path; Path('data/a.db').unlink()\"", [A]),
    ("python3 -c \"open('data/a.db', 'w')\"", [A]), ("python3 -Ic \"import os; p='data/a.db'; os.unlink(p)\"", [A]),
    ("python3 -c \"import os; os.system('rm -f data/a.db')\"", [A]),
    ("python3 -c \"import subprocess; subprocess.run(['rm', '-f', 'data/a.db'])\"", [A]),
    ("python3 - <<'E'\nimport os\nos.remove('data/a.db')\nE", [A]), ("python3 del.py", [A]),
    ("node -e \"require('fs').rmSync('data', {recursive: true})\"", ["/srv/app/data"]),
    ("node -e \"fs.unlinkSync('data/a.db')\"", [A]), ("perl -e 'unlink \"data/a.db\"'", [A]),
    ("perl -MFile::Path -e 'rmtree(\"data\")'", ["/srv/app/data"]), ("ruby -e 'File.delete(\"data/a.db\")'", [A]),
    ("ruby -rfileutils -e 'FileUtils.rm_rf(\"data\")'", ["/srv/app/data"]), ("php -r 'unlink(\"data/a.db\");'", [A]),
    ("perl -e 'system(\"rm -f data/a.db\")'", [A]),
]  # fmt: skip
ASKED = [
    "make loop",
    "make by-function", "make quoted", "make conditional", "make $TARGET", "npm run $X", "just unknown", "task unknown",
    "python3 -c \"import os, sys; os.remove(sys.argv[1])\" data/a.db", "python3 -c \"$CODE\"",
    "python3 -c \"import db; db.execute('DROP TABLE x')\"", "python3 -c 'exec(input())'",
    "python3 -c 'this is no python'",
    "node -e \"fs.rmSync(process.argv[1])\" data", "perl -e 'unlink glob \"data/*\"'",
    "perl -e 'unlink @ARGV' data/a.db",
    "ruby -e 'Dir[\"data/*\"].each { |f| File.delete(f) }'", "php -r 'array_map(\"unlink\", glob(\"data/*\"));'",
    "cat x | python3 -", "node -e 'require(\"child_process\").execSync(cmd)'",
]  # fmt: skip
SILENT = [
    "make", "make build", "make -n clean", "make nothing", "npm test", "npm run build", "npm install", "just",
    "just build",
    "just --list", "task", "composer update", "composer code", "python3 -c 'print(1)'",
    "python3 -c 'import json,sys; print(json.load(sys.stdin))'",
    "node -e 'console.log(1)'", "perl -ne 'print if /x/' keep.txt", "ruby -e 'puts 1'", "php -r 'echo 1;'",
    "python3 unclear.py x",
    "python3 -m http.server", "python3 -m venv v", "yarn dev-nothing", "node server.js",
]  # fmt: skip


def judged(line: str) -> Preflight:
    host = FakeHost()
    for name, text in FILES.items():
        host.files.add(f"/srv/app/{name}", text)
    return host.judge(line, folder="/srv/app")


@pytest.mark.parametrize(("line", "lost"), LOSES)
def test_what_a_project_s_file_runs_is_judged(line: str, lost: list[str]) -> None:
    """Variables and prerequisites followed, as far as they are written out."""
    found = judged(line)
    assert [each.name for each in found.lost] == lost, found.unknown


@pytest.mark.parametrize("line", ASKED)
def test_what_is_only_known_then_is_asked_about(line: str) -> None:
    """A part that a file leaves open is not known, and never empty."""
    found = judged(line)
    assert (verdict(found), risk(found.unknown)) == ("unknown", "high"), (found.effects, found.unknown)


@pytest.mark.parametrize("line", SILENT)
def test_builds_and_tests_pass_in_silence(line: str) -> None:
    """What their programs do is of low risk."""
    found = judged(line)
    assert verdict(found) in ("safe", "unknown", "nothing")
    assert risk(found.unknown) in (None, "low"), found.unknown


@pytest.mark.parametrize("line", [*SILENT, "echo true > s.sh; bash s.sh", "echo true > s.sh; . ./s.sh", "bash bare.sh"])
@pytest.mark.parametrize("operator", [">", ">|", "&>"])
def test_what_is_read_inside_hides_no_redirection(line: str, operator: str) -> None:
    """The file is emptied before any of it runs."""
    found = judged(f"{line} {operator} data/b.db")
    assert B in [each.name for each in found.lost], (found.effects, found.unknown)

"""Programs of every day and programs that destroy elsewhere: what is passed in silence, and what is asked about."""

import re
from pathlib import Path

import pytest
from preflight.host_world import FakeHost

from runaway_watchdog.effects import programs
from runaway_watchdog.effects.programs import FAMILIES
from runaway_watchdog.guard import hook
from runaway_watchdog.guard.decide import decide
from runaway_watchdog.model.effect import LowRisk, risk
from runaway_watchdog.preflight.document import to_json
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.preflight.verdict import verdict


def judged(line: str, **files: str) -> Preflight:
    """On a host with these files in /srv."""
    host = FakeHost()
    for name, text in {"README": "", **files}.items():
        host.files.add(f"/srv/{name}", text)
    return host.judge(line, folder="/srv")


def permission(found: Preflight) -> str:
    return hook.answer(decide(to_json(found, None, ())), feared=False).permission


SAFE = [
    "curl -s http://localhost:9000/health | jq .", "curl -fsSL https://example.org/x", "vim a.yaml", "nano /etc/hosts",
    "apt list --upgradable", "apt search x", "apt-cache policy nginx", "dpkg -l", "rpm -qa", "pip list", "npm ls",
    "npm outdated", "go version", "cargo tree", "supervisorctl status", "pm2 logs", "pm2 list", "certbot certificates",
    "certbot renew --dry-run", "openssl rand -hex 32", "openssl s_client -connect a:443", "ufw status", "ip a",
    "tmux ls", "tmux new -s work", "tmux", "screen -r", "nginx -t", "kubectl get pods -A", "kubectl logs -f deploy/web",
    "kubectl describe pod x", "helm list", "terraform plan", "terraform show", "aws s3 ls",
    "aws ec2 describe-instances",
    "gcloud compute instances list", "az group list", "restic snapshots", "borg list repo", "rclone ls remote:x",
    "ssh u@h uptime", "ssh u@h 'ls -la /srv'", "ssh u@h docker ps", "ssh h systemctl status nginx", "rails -h",
    "python3 --version", "node -v", "crontab -l", "btop", "ncdu /", "gpg --list-keys", "loginctl", "timedatectl",
    "awk '$3 > 50 {print $1}' /etc/passwd", "awk -F: '/a|b/{print $1}' /etc/passwd", "docker-compose --version",
    "virsh list --all", "lxc list", "vagrant status", "pulumi preview", "kubectl delete pod x --dry-run=client",
    "aws s3 rm s3://b/k --dryrun", "rclone sync a b:c --dry-run", "php artisan migrate:fresh --pretend",
]  # fmt: skip
LOW = [
    "npm install", "npm ci", "npm run dev", "yarn build", "pnpm i", "npm uninstall lodash", "pip install -r r.txt",
    "pip uninstall -y x", "cargo build --release", "cargo clean", "go build ./...", "go test ./...", "gem install x",
    "apt update", "apt upgrade -y", "apt-get install -y nginx", "apt remove x", "dnf install x", "brew install jq",
    "snap install x", "cmake --build build", "mvn clean install", "gradle clean build", "gcc -o a a.c", "ninja",
    "python3 -m venv venv", "python3 script.py --fast", "node server.js", "./deploy.sh", "./mytool --all",
    "mytool serve",
    "ssh u@h", "su - deploy", "sudo -i", "ssh-keygen -t ed25519", "scp a u@h:", "sqlite3", "crontab -e",
    "ansible-playbook x.yml",
    "kubectl apply -f x.yaml", "kubectl rollout restart deploy/web", "helm upgrade web ./chart", "aws s3 cp a s3://b/a",
    "terraform apply", "terraform init -upgrade && terraform apply", "vagrant up", "pm2 restart all",
    "supervisorctl restart app", "ufw allow 8080",
    "curl -X POST https://example.org/hook -d a=b", "rails db:migrate", "python manage.py migrate",
    "alembic upgrade head",
    "npx prisma migrate deploy", "bundle exec rails s", "git-lfs pull", "npm run $X",
]  # fmt: skip
HIGH = [
    "tmux new -d 'rm -rf /srv'", "screen -dm rm -rf /srv", "openssl rand -out $X 4",
    "kubectl exec db -- rm -rf /data", "mytool delete everything",
    "mytool --purge", "frobnicate db:drop", "sometool exec rm -rf /srv", "x run -- shred a",
    "curl -X DELETE http://localhost:9200/logs", "curl -XPOST localhost:9200/i/_delete_by_query -d {}",
    "ssh u@h rm -rf /srv/x", "ssh u@h 'docker compose down -v'", "ssh u@h 'echo > /etc/passwd'", "npm unpublish x -f",
    "pm2 flush", "ufw reset", "terraform apply -auto-approve", "kubectl apply --prune -f x", "restic forget $ID",
    "kubectl delete pvc $X", "aws s3 rm $X", "vim -c '!rm x' x", "reset-database now",
    "kubectl replace --force -f x",
    "rsync -a --delete a/ u@h:/srv/", "apt purge nosuchpattern*",
]  # fmt: skip
DESTROYS = [
    ("kubectl delete pvc data-db-0", "host in the cluster: pvc data-db-0"),
    ("kubectl -n prod delete ns/shop", "host in the cluster: ns/shop"),
    ("kubectl delete -f all.yaml", "host in the cluster: what all.yaml declares"),
    ("helm uninstall web", "host web"), ("helm -n x delete web", "host web"),
    ("restic forget --keep-last 3 --prune", "path snapshots of the restic repository"),
    ("borg delete repo::a", "path repo::a"), ("borg prune -d 7 /backup", "path /backup"),
    ("rclone delete s3:bucket/x", "path s3:bucket/x"), ("rclone purge remote:old", "path remote:old"),
    ("rclone sync /srv/a remote:b", "path remote:b"),
    ("aws s3 rm s3://b/k --recursive", "path s3://b/k"), ("aws s3 rb s3://b --force", "path s3://b"),
    ("aws s3 sync . s3://b --delete", "path s3://b"),
    ("aws ec2 terminate-instances --instance-ids i-1", "host i-1"),
    ("gcloud compute instances delete vm-1 --zone z", "host vm-1"), ("gsutil rm -r gs://b/x", "path gs://b/x"),
    ("az group delete --name g --yes", "host g"), ("heroku pg:reset DATABASE", "host DATABASE"),
    ("terraform destroy -auto-approve", "host what this terraform folder manages"),
    ("terraform apply -destroy", "host what this terraform folder manages"),
    ("pulumi destroy -y", "host what this stack manages"),
    ("vagrant destroy -f", "host the machines of this Vagrantfile"),
    ("lxc delete web --force", "container web"), ("virsh undefine vm --remove-all-storage", "host vm"),
    ("rails db:reset", "database of the project in /srv"), ("bin/rails db:drop", "database of the project in /srv"),
    ("bundle exec rake db:drop", "database of the project in /srv"),
    ("python manage.py flush --no-input", "database of the project in /srv"),
    ("./manage.py migrate shop zero", "database of the project in /srv"),
    ("php artisan migrate:fresh --seed", "database of the project in /srv"),
    ("npx prisma migrate reset --force", "database of the project in /srv"),
    ("yarn prisma db push --force-reset", "database of the project in /srv"),
    ("pnpm exec knex migrate:rollback --all", "database of the project in /srv"),
    ("alembic downgrade base", "database of the project in /srv"),
    ("poetry run alembic downgrade -1", "database of the project in /srv"),
    ("npx sequelize-cli db:drop", "database of the project in /srv"),
    ("php bin/console doctrine:schema:drop --force", "database of the project in /srv"),
    ("mix ecto.reset", "database of the project in /srv"), ("wp db reset --yes", "database of the project in /srv"),
]  # fmt: skip


@pytest.mark.parametrize("line", SAFE)
def test_what_only_reads_is_safe(line: str) -> None:
    """Every word is known, and none of them writes."""
    found = judged(line)
    assert (verdict(found), found.unknown) == ("safe", ())


@pytest.mark.parametrize("line", LOW)
def test_programs_that_do_their_own_work_pass_in_silence(line: str) -> None:
    """What they change is not known; that they destroy nothing that they are not given is."""
    found = judged(line)
    assert (verdict(found), risk(found.unknown), permission(found)) == ("unknown", "low", "allow"), found.unknown


@pytest.mark.parametrize("line", HIGH)
def test_what_may_destroy_something_unknown_is_asked_about(line: str) -> None:
    """Whoever runs it is asked, by the guard of the shell and of assistants alike."""
    found = judged(line)
    assert (verdict(found), risk(found.unknown), permission(found)) == ("unknown", "high", "ask"), found.unknown


@pytest.mark.parametrize(("line", "lost"), DESTROYS)
def test_what_is_destroyed_elsewhere_is_named(line: str, lost: str) -> None:
    """As the command names it; nothing is asked of the other system."""
    found = judged(line)
    assert [f"{each.type} {each.name}" for each in found.lost] == [lost]
    assert permission(found) == "deny"


def test_an_unknown_word_makes_a_safe_line_unknown() -> None:
    """Of low risk, for a program that only reads."""
    for line in ("apt list $X", "kubectl get $X", "openssl rand $N"):
        assert verdict(judged(line)) == "unknown", line


def test_the_document_tells_the_risk_of_each_unknown_thing() -> None:
    """`unknown` stays a list of sentences; the risks stand beside it in the same order."""
    document = to_json(judged("npm install; mytool delete x"), None, ())
    assert document["unknown_risks"] == ["low", "high"]
    assert document["risk"] == "high"
    assert len(document["unknown"]) == 2
    assert to_json(judged("ls"), None, ())["risk"] is None


def test_the_risk_is_the_worst() -> None:
    """A sentence without a mark is of high risk."""
    assert risk(()) is None
    assert risk((LowRisk("a"),)) == "low"
    assert risk((LowRisk("a"), "b")) == "high"


@pytest.mark.parametrize("program", sorted(FAMILIES))
def test_each_program_is_judged_by_the_file_that_the_table_names(program: str) -> None:
    """The table is names alone: none of them leads nowhere."""
    assert judged(f"{program} --strange x").script.commands


def test_no_program_has_two_files() -> None:
    """Of two entries in the table the later would win without a word."""
    source = Path(programs.__file__).read_text("utf-8")
    texts = re.findall(r'"[\w.]+": (?:"{3}(.*?)"{3}|"(.*?)")', source, re.DOTALL)
    names = [name for text in texts for name in "".join(text).split()]
    assert len(names) == len(set(names)) == len(FAMILIES)

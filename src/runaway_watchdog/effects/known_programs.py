"""Programs that change nothing, and programs that do their own work and destroy nothing that they are not given.

A program is in `READS` only if none of its ordinary uses writes, signals or asks another program to; where one option
does, `WRITING` names the option. A program is in `WORKS` if it writes or runs what its own files say, a build, a
compiler, a package manager, and none of its ordinary uses deletes what a person keeps.
"""

from collections.abc import Mapping

_THE_SHELL_S_OWN = """
    : [ [[ alias break cd clear continue declare dirs echo exit export false getopts hash history jobs bg fg
    disown let local logout popd printf pushd pwd read readonly return set shift shopt suspend test times true
    type typeset ulimit umask unalias unset wait bind complete compgen help mapfile readarray caller fc setopt
    unsetopt autoload rehash where
"""
_FILES_AND_FOLDERS = """
    basename dirname du df exa eza lsd file getfacl getfattr getcap locate plocate mlocate ls ll la dir vdir
    lsattr mkdir namei pathchk readlink realpath stat sync touch tree whereis which mktemp ncdu dust duf mc
    ranger nnn lf findmnt mountpoint filefrag broot
"""
_TEXT = """
    bat batcat bzcat cal ncal cat cksum b2sum md5sum sha1sum sha224sum sha256sum sha384sum sha512sum sum cmp
    col colordiff column comm cut diff diff3 sdiff delta egrep expand expr factor fgrep fmt fold grep rgrep pcregrep
    pcre2grep rg ag ack head hexdump hd hexyl iconv join jq fx gron jo look lz4cat lzcat xzcat zcat zstdcat
    zgrep zegrep zless zmore zdiff zcmp nl numfmt od paste pr rev seq shuf strings tac tail multitail lnav tr
    tsort unexpand wc yes base32 base64 basenc bc envsubst gettext ptx xmllint xsltproc csvcut csvgrep
    csvlook csvstat glow mdcat most pager fzf sk tldr cheat info apropos whatis cowsay figlet toilet lolcat
    fortune sl cmatrix ascii asciinema units
"""
_PROCESSES_AND_THE_HOST = """
    arch atq date free getconf getent groups htop btop atop glances nmon dstat gotop bpytop id iostat iotop last
    lastb lastlog locale logname lsblk lscpu lsipc lslocks lsmem lsmod modinfo lsns lsof lspci lsusb lsscsi lshw
    hwinfo inxi dmidecode blkid mpstat nproc pgrep pidof pidstat pmap procs printenv ps pstree pwdx runlevel sar
    sleep slabtop smem sensors nvidia-smi radeontop intel_gpu_top powertop tload top tty uname uptime
    users vmstat w who whoami finger neofetch fastfetch screenfetch acpi upower quota repquota getenforce
    sestatus aa-status ausearch aureport faillog lsb_release hostid cpuid numastat turbostat vnstat
    systemd-analyze systemd-cgls systemd-cgtop systemd-detect-virt systemd-escape systemd-path systemd-delta
    systemd-id128 tput stty reset stdbuf errno uuidgen pwgen makepasswd mkpasswd xdg-open dircolors wslpath ctop
    lazydocker k9s
"""
_THE_NETWORK = """
    arping bmon dig delv dog drill fping host iftop iperf iperf3 mtr nethogs nload nslookup ping ping6 speedtest
    speedtest-cli ss netstat traceroute traceroute6 tracepath whois nmap telnet httping lft
    ssh-keyscan ssh-add testssl.sh sslscan ipcalc sipcalc
"""
THE_SHELL_S_OWN = frozenset(_THE_SHELL_S_OWN.split())


def _writing(text: str) -> dict[str, tuple[str, ...]]:
    """Each program, and its options behind it."""
    found: dict[str, list[str]] = {}
    for word in text.replace(";", " ").split():
        if not word.startswith("-"):
            found[word] = []
        found[next(reversed(found))] += [word] if word.startswith("-") else []
    return {program: tuple(options) for program, options in found.items()}


READS = frozenset(
    " ".join((_THE_SHELL_S_OWN, _FILES_AND_FOLDERS, _TEXT, _PROCESSES_AND_THE_HOST, _THE_NETWORK)).split()
)
_WRITING = """
    tree -o -R; ss -K --kill -D --diag; file -C --compile; diff --output; shuf -o --output; iconv -o --output; jq -i
    xmllint --output --shell; xsltproc -o --output; nmap -oN -oX -oG -oA -oS -o --resume; ssh-add -D -d -s -e -x
    history -c -w; fzf --bind --history --listen; sk --bind --history --cmd-history -c --cmd; blkid -g -c --cache-file
    asciinema --overwrite; atop -w; sar -o; dmidecode --dump-bin; bind -x; sdiff -o --output
    info -o --output --dribble; lshw -dump; dstat -o --output -p --pidfile; ptx -G --traditional; ncdu -o
    vnstat --add --create --remove --delete --reset --rename --update --setalias; lnav -c -d -f -i -w; multitail -a -A
    sslscan --xml; turbostat -o --out; radeontop -d --dump; intel_gpu_top -o; iperf -o --output -F --fileinput
    iperf3 -F --file --logfile --pidfile; powertop -C --csv -r --html -c --calibrate --auto-tune --auto-tune-dump
    nmon -f -F -x -X -z; hwinfo --save-config --log; inxi -U --update --output-file --debug; units -L --log
    glances --export --export-csv-file --export-json-file; lastlog -C --clear -S --set; sensors -s --set
    faillog -r --reset -m --maximum -l --lock-secs; neofetch --config --backend; screenfetch -S -s -a -u
    fastfetch -c --config --gen-config --gen-config-force; testssl.sh --overwrite --openssl; drill -w -q; telnet -n
    nvidia-smi -p -c -e -r -f -g --filename --gpu-reset --power-limit --persistence-mode --compute-mode --ecc-config
    --reset-ecc-errors --lock-gpu-clocks --reset-gpu-clocks --applications-clocks --multi-instance-gpu
    ranger --cmd --choosefile --choosefiles --choosedir; broot -c --cmd --outcmd --write-default-conf --send; nnn -p
    lf -command -remote -selection-path -last-dir-path -log -cpuprofile -memprofile; cheat -e --edit -r --rm
    mc -P --printwd -l --ftplog
"""
WRITING: Mapping[str, tuple[str, ...]] = _writing(_WRITING)
"""Options with which a program of the list is no longer harmless: Debian 12's manual pages."""
_BUILDS_COMPILERS_TESTS = """
    gcc g++ cc c++ clang clang++ cpp ld as ar ranlib strip objcopy objdump nm readelf ldd ldconfig rustc javac
    java kotlinc scalac ghc ocamlc swiftc zig tsc esbuild webpack vite rollup parcel next nuxt astro gatsby ng
    vue-cli-service turbo nx lerna babel postcss tailwindcss sass eslint prettier stylelint jest vitest mocha
    cypress playwright cmake ninja meson bazel bazelisk buck scons autoconf automake autoreconf configure gradle
    gradlew mvn mvnw ant sbt lein rake dotnet msbuild xbuild xcodebuild swift stack cabal mix rebar3 gleam
    pytest py.test tox nox mypy ruff black isort flake8 pylint pyright bandit coverage pre-commit phpunit pest
    phpstan rspec rubocop golangci-lint gofmt goimports shellcheck shfmt hadolint yamllint ansible-lint tflint
    actionlint markdownlint node deno bun python python2 python3 pypy3 ruby perl php lua Rscript julia ipython
    jupyter irb pry iex ghci psysh ts-node tsx nodemon uvicorn gunicorn flask django-admin streamlit celery hugo
    jekyll mkdocs sphinx-build pandoc pdflatex xelatex latexmk dot protoc buf swag strapi rails artisan console
    symfony wp drush http-server serve live-server ngrok cloudflared
"""
_PACKAGE_MANAGERS_AND_VERSIONS_OF_LANGUAGES = """
    npm yarn pnpm npx corepack nvm n fnm volta asdf mise rtx pyenv rbenv rvm sdk pip pip3 pipx poetry pipenv uv
    uvx conda mamba micromamba hatch pdm virtualenv cargo rustup go gem bundle bundler composer cpan cpanm
    luarocks brew nix nix-env nix-shell apt apt-get apt-cache apt-mark apt-file apt-key add-apt-repository
    aptitude nala dpkg dpkg-query dpkg-reconfigure yum dnf rpm zypper pacman yay paru apk emerge snap flatpak
    softwareupdate fwupdmgr unattended-upgrade needrestart update-grub update-initramfs update-alternatives
    locale-gen
"""
_SESSIONS_KEYS_AND_OTHER_HOSTS = """
    ssh ssh-keygen ssh-copy-id ssh-agent mosh autossh sftp tmux screen byobu zellij gpg gpg2 age pass openssl
    curl wget http https xh aria2c axel lynx w3m links elinks nc ncat netcat socat yt-dlp youtube-dl ansible
    ansible-playbook ansible-galaxy ansible-vault ansible-inventory chef-client puppet salt salt-call gh glab
    hub tig lazygit gitui fly flyctl heroku vercel netlify wrangler firebase tailscale wg wg-quick zerotier-cli
    openvpn certbot acme.sh mkcert step vault consul nomad op bw sops cap dep kamal pssh pdsh
"""
_SERVICES_AND_THE_HOST_S_SETTINGS = """
    supervisorctl pm2 forever monit nginx apachectl apache2ctl httpd haproxy caddy traefik a2ensite a2dissite
    a2enmod a2dismod named-checkconf named-checkzone rndc unbound-control postfix postconf postmap mailq
    postqueue mail mailx mutt sendmail doveadm sshd visudo vipw chsh passwd useradd adduser groupadd addgroup
    usermod gpasswd chage newgrp logger ufw firewall-cmd iptables ip6tables iptables-save nft fail2ban-client ip
    ifconfig route arp iw iwconfig nmcli nmtui netplan ethtool tc brctl bridge dhclient resolvectl networkctl
    hostnamectl timedatectl localectl loginctl bootctl coredumpctl busctl udevadm sysctl modprobe depmod mount
    umount swapon swapoff losetup tune2fs dumpe2fs smartctl nvme hdparm chattr setcap restorecon setenforce
    setsebool semanage aa-enforce aa-complain auditctl strace ltrace gdb lldb perf bpftrace tcpdump tshark
    valgrind py-spy rbspy jstack jmap jcmd jps ntpdate chronyc hwclock localedef lxc-ls virt-top xhost xset
    xrandr pg_dump pg_dumpall mysqldump mariadb-dump mongodump pg_isready pg_lsclusters mysqlshow mysqlcheck
    pgbench pg_ctlcluster createdb createuser vacuumdb reindexdb clusterdb restic borg borgmatic rclone
    rsnapshot duplicity kopia s3cmd mc aws gcloud gsutil az doctl hcloud terraform tofu pulumi kubectl helm k3s
    kind minikube k3d vagrant packer eksctl kustomize skaffold argocd flux istioctl stern kubectx kubens buildah
    skopeo crane trivy dive nerdctl ctr crictl lxc incus virsh qm pct msgfmt convert magick identify ffmpeg
    ffprobe mogrify exiftool optipng jpegoptim split csplit patch dos2unix unix2dos mlr yq xxd notify-send say
    rocm-smi ab hey wrk at script scriptreplay crontab sg expect dialog whiptail wall write mesg
"""
WORKS = frozenset(
    " ".join(
        (
            _BUILDS_COMPILERS_TESTS,
            _PACKAGE_MANAGERS_AND_VERSIONS_OF_LANGUAGES,
            _SESSIONS_KEYS_AND_OTHER_HOSTS,
            _SERVICES_AND_THE_HOST_S_SETTINGS,
        )
    ).split()
)
"""What they do is not told, and nobody is asked: the risk is low unless a word of the command speaks of deleting."""
_EDITORS = """
    vi vim nvim view vimdiff nano rnano pico emacs emacsclient micro mcedit mcview joe jed ne helix hx kak code
    subl gedit kate sudoedit visudo
"""
EDITORS = frozenset(_EDITORS.split())
"""What an editor writes is what the person then types."""
EDITOR_RUNS = ("-c", "-s", "-S", "-e", "-es", "-E", "--cmd", "--batch", "--eval", "--script", "-f", "--load", "-l")
_TOLD_WHERE = """
    gcc g++ cc c++ clang clang++ cpp ld as gfortran tcc rustc ghc ocamlc swiftc zig kotlinc nim fpc gccgo ldc2
    dmd strip ffmpeg avconv ffmpeg4 convert magick composite montage gm sox lame pandoc dot neato fdp circo
    twopi sfdp openssl tcpdump tshark dumpcap gpg gpg2 age sops xxd script strace ltrace msgfmt iconv tree
    shuf diff xmllint xsltproc nmap iptables-save ip6tables-save tsc esbuild terser uglifyjs svgo cleancss
    csso cwebp dwebp avifenc rsvg-convert img2pdf inkscape gs qpdf wkhtmltopdf wkhtmltoimage pdftotext pdftops
    pdftohtml genisoimage mkisofs xorrisofs htpasswd sponge aria2c http https xh ddrescue asciinema
    protoc ssh-keygen fallocate patch csplit sdiff ss info lshw dstat ab ptx ncdu sslscan turbostat radeontop lnav
    multitail intel_gpu_top blkid
"""
_IN_PLACE = """
    perl ruby awk gawk ed red ex vi vim nvim view vimdiff gvim yq sd rpl mogrify exiftool dos2unix unix2dos
    mac2unix
"""
_ARCHIVES = """
    7z 7za 7zr 7zz p7zip rar unrar cpio bsdcpio pax ar jar unar scp pscp
"""
WRITES: Mapping[str, str] = {
    **dict.fromkeys(_TOLD_WHERE.split(), "outputs"),
    **dict.fromkeys(_IN_PLACE.split(), "edits"),
    **dict.fromkeys(_ARCHIVES.split(), "unpackers"),
}
"""Programs that are told which file they write, that edit one where it lies, or put files out of an archive: the module
of `effects/host` that judges this, imported by the line that names one."""


_STARTERS = """
    less more most pager zless zmore man vi vim nvim view ex scp sftp tar hash bat batcat delta ag ack rg fzf sk
    asciinema powertop bpftrace multitail compgen complete sg sdiff diff3 colordiff rsync sort split tcpdump
    testssl.sh wget nc ncat netcat jobs
"""
STARTERS = frozenset(_STARTERS.split())
"""Programs that an option of theirs may have start another one, as `preflight.shadows` reads it."""


def changes_nothing(program: str | None) -> bool:
    """Whether a program changes nothing whatever words it is given."""
    return program in READS and program not in WRITING and program not in ("fc", "pager", "zless", "zmore")

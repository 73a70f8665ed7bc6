"""The long options of programs that read them by getopt_long(3): a name may be cut short as long as no other begins so.

From the manual pages and the `--help` of Debian 12, with what later versions have added. What a name that no table has,
or that begins several, does to the command is not known: `strange` names it. A table that ends in "…" is not whole, as
these programs gain an option with each version: a name that is not in it is left to whoever judges the program.
"""

from collections.abc import Collection, Mapping
from functools import cache

from runaway_watchdog.model.command import Word

_TABLES: Mapping[str, str] = {
    "cp": """
        archive attributes-only backup context copy-contents debug dereference force interactive keep-directory-symlink
        link no-clobber no-dereference no-preserve no-target-directory one-file-system parents preserve recursive
        reflink remove-destination sparse strip-trailing-slashes suffix symbolic-link target-directory update verbose
    """,
    "mv": """
        backup context debug exchange force interactive no-clobber no-copy no-target-directory strip-trailing-slashes
        suffix target-directory update verbose
    """,
    "install": """
        backup compare context debug directory group mode no-target-directory owner preserve-context
        preserve-timestamps strip strip-program suffix target-directory verbose
    """,
    "ln": """
        backup directory force interactive logical no-dereference no-target-directory physical relative suffix symbolic
        target-directory verbose
    """,
    "rm": "dir force interactive no-preserve-root one-file-system preserve-root recursive verbose",
    "rmdir": "ignore-fail-on-non-empty parents verbose",
    "mkdir": "context mode parents verbose",
    "touch": "date no-create no-dereference reference time",
    "chmod": "changes no-preserve-root preserve-root quiet recursive reference silent verbose",
    "chown chgrp": """
        changes dereference from no-dereference no-preserve-root preserve-root quiet recursive reference silent verbose
    """,
    "truncate": "io-blocks no-create reference size",
    "shred": "exact force iterations random-source remove size verbose zero",
    "tee": "append ignore-interrupts output-error",
    "sort": """
        batch-size buffer-size check compress-program debug dictionary-order field-separator files0-from
        general-numeric-sort human-numeric-sort ignore-case ignore-leading-blanks ignore-nonprinting key merge
        month-sort numeric-sort output parallel random-sort random-source reverse sort stable temporary-directory
        unique version-sort zero-terminated
    """,
    "uniq": "all-repeated check-chars count group ignore-case repeated skip-chars skip-fields unique zero-terminated",
    "split": """
        additional-suffix bytes elide-empty-files filter hex-suffixes line-bytes lines number numeric-suffixes
        separator suffix-length unbuffered verbose
    """,
    "csplit": "digits elide-empty-files keep-files prefix quiet silent suffix-format suppress-matched",
    "shuf": "echo head-count input-range output random-source repeat zero-terminated",
    "date": "date debug file iso-8601 reference resolution rfc-3339 rfc-email set universal utc",
    "tar": """
        absolute-names acls add-file after-date anchored append atime-preserve auto-compress backup block-number
        blocking-factor bzip2 catenate check-device check-links checkpoint checkpoint-action clamp-mtime compare
        compress concatenate confirmation create delay-directory-restore delete dereference diff directory exclude
        exclude-backups exclude-caches exclude-caches-all exclude-caches-under exclude-from exclude-ignore
        exclude-ignore-recursive exclude-tag exclude-tag-all exclude-tag-under exclude-vcs exclude-vcs-ignores extract
        file files-from force-local format full-time get group group-map gunzip gzip hard-dereference hole-detection
        ignore-case ignore-command-error ignore-failed-read ignore-zeros incremental index-file info-script interactive
        keep-directory-symlink keep-newer-files keep-old-files label level list listed-incremental lzip lzma lzop mode
        mtime multi-volume new-volume-script newer newer-mtime no-acls no-anchored no-auto-compress no-check-device
        no-delay-directory-restore no-ignore-case no-ignore-command-error no-null no-overwrite-dir no-quote-chars
        no-recursion no-same-owner no-same-permissions no-seek no-selinux no-unquote no-verbatim-files-from
        no-wildcards no-wildcards-match-slash no-xattrs null numeric-owner occurrence old-archive one-file-system
        one-top-level overwrite overwrite-dir owner owner-map pax-option portability posix preserve-order
        preserve-permissions quote-chars quoting-style read-full-records record-size recursion recursive-unlink
        remove-files restrict rmt-command rsh-command same-order same-owner same-permissions seek selinux
        set-mtime-command set-mtime-format show-defaults show-omitted-dirs show-snapshot-field-ranges show-stored-names
        show-transformed-names skip-old-files sort sparse sparse-version starting-file strip-components suffix
        tape-length test-label to-command to-stdout totals touch transform uncompress ungzip unlink-first unquote
        update usage use-compress-program utc verbatim-files-from verbose verify volno-file warning wildcards
        wildcards-match-slash xattrs xattrs-exclude xattrs-include xform xz zstd
    """,
    "sed": """
        debug expression file follow-symlinks in-place line-length null-data posix quiet regexp-extended sandbox
        separate silent unbuffered
    """,
    "gzip gunzip": """
        ascii best decompress fast force keep license list name no-name quiet recursive rsyncable stdout suffix
        synchronous test to-stdout uncompress verbose
    """,
    "xz unxz lzma unlzma": """
        arm arm64 armthumb best block-list block-size check compress decompress delta extreme fast files files0 filters
        filters-help filters1 force format ia64 ignore-check info-memory keep list long-help lzma1 lzma2 memlimit
        memlimit-compress memlimit-decompress memlimit-mt-decompress memory no-adjust no-sparse no-warn powerpc quiet
        robot rsyncable single-stream sparc stdout suffix test threads verbose x86
    """,
    "wget": """
        accept accept-regex adjust-extension append-output ask-password auth-no-challenge background backup-converted
        backups base bind-address bind-dns-address body-data body-file ca-certificate ca-directory certificate
        certificate-type ciphers compression config connect-timeout content-disposition content-on-error continue
        convert-file-only convert-links crl-file cut-dirs debug default-page delete-after directory-prefix dns-servers
        dns-timeout domains egd-file exclude-directories exclude-domains execute follow-ftp follow-tags
        force-directories force-html ftp-password ftp-user ftps-clear-data-connection ftps-fallback-to-ftp
        ftps-implicit ftps-resume-ssl glob header hsts hsts-file http-password http-user https-only ignore-case
        ignore-length ignore-tags include-directories inet4-only inet6-only input-file input-metalink keep-badhash
        keep-session-cookies level limit-rate load-cookies local-encoding max-redirect metalink-index
        metalink-over-http method mirror no-cache no-check-certificate no-clobber no-config no-cookies no-directories
        no-dns-cache no-ftps-resume-ssl no-glob no-host-directories no-hsts no-http-keep-alive no-if-modified-since
        no-iri no-netrc no-parent no-passive-ftp no-proxy no-remove-listing no-use-server-timestamps no-verbose
        no-warc-compression no-warc-digests no-warc-keep-log output-document output-file page-requisites password
        pinnedpubkey post-data post-file prefer-family preferred-location preserve-permissions private-key
        private-key-type progress protocol-directories proxy proxy-password proxy-user quiet quota random-file
        random-wait read-timeout recursive referer regex-type reject reject-regex rejected-log relative remote-encoding
        report-speed restrict-file-names retr-symlinks retry-connrefused retry-on-host-error retry-on-http-error
        save-cookies save-headers secure-protocol server-response show-progress span-hosts spider start-pos
        strict-comments timeout timestamping tries trust-server-names unlink use-askpass use-server-timestamps user
        user-agent verbose wait waitretry warc-cdx warc-dedup warc-file warc-header warc-max-size warc-tempdir xattr …
    """,
    "gawk": """
        assign bignum characters-as-bytes copyright csv debug dump-variables exec field-separator file gen-pot include
        lint lint-old load no-optimize non-decimal-data optimize posix pretty-print profile re-interval sandbox source
        traditional use-lc-numeric …
    """,
    "diff": """
        brief color context ed exclude exclude-from expand-tabs from-file horizon-lines ifdef ignore-all-space
        ignore-blank-lines ignore-case ignore-file-name-case ignore-matching-lines ignore-space-change
        ignore-tab-expansion ignore-trailing-space initial-tab label left-column line-format minimal new-file
        no-dereference no-ignore-file-name-case normal paginate palette rcs recursive report-identical-files
        show-c-function show-function-line side-by-side speed-large-files starting-file strip-trailing-cr
        suppress-blank-empty suppress-common-lines tabsize text to-file unidirectional-new-file unified width …
    """,
    "sdiff": """
        diff-program expand-tabs ignore-all-space ignore-blank-lines ignore-case ignore-matching-lines
        ignore-space-change ignore-tab-expansion ignore-trailing-space left-column minimal output speed-large-files
        strip-trailing-cr suppress-blank-empty suppress-common-lines tabsize text width
    """,
    "patch": """
        backup backup-if-mismatch basename-prefix batch binary context directory dry-run ed follow-symlinks force
        forward fuzz get ifdef ignore-whitespace input merge no-backup-if-mismatch normal output posix prefix quiet
        quoting-style read-only reject-file reject-format remove-empty-files reverse set-time set-utc silent strip
        suffix unified verbose version-control
    """,
    "cpio": """
        absolute-filenames append block-size create dereference device-independent directory dot extract file
        force-local format ignore-devno io-size link list make-directories message no-absolute-filenames
        no-preserve-owner nonmatching null numeric-uid-gid only-verify-crc owner pass-through pattern-file
        preserve-modification-time quiet rename rename-batch-file renumber-inodes reproducible reset-access-time
        rsh-command sparse swap swap-bytes swap-halfwords to-stdout unconditional usage verbose warning
    """,
    "strace": """
        abbrev absolute-timestamps always-show-pid argv0 attach columns const-print-style daemonize debug decode-fds
        decode-pids detach-on env failed-only fault follow-fork follow-forks inject instruction-pointer interruptible
        kill-on-exit kvm namespace no-abbrev output output-append-mode output-separately pidns-translation quiet raw
        read relative-timestamps seccomp-bpf secontext signal signals silence silent stack-trace
        stack-trace-frame-limit stack-traces status string-limit strings-in-hex successful-only summary summary-columns
        summary-only summary-sort-by summary-syscall-overhead summary-wall-clock syscall-limit syscall-number
        syscall-times tips trace trace-path user verbose write …
    """,
    "script": """
        append command echo flush force log-in log-io log-out log-timing logging-format output-limit quiet return
        timing
    """,
    "iconv": "from-code list output silent to-code usage verbose byte-subst widechar-subst unicode-subst",
    "rename.ul": "all interactive last no-act no-overwrite symlink verbose",
    "wipefs": "all backup force json lock no-act noheadings offset output parsable quiet types",
    "blkdiscard": "force length offset secure step verbose zeroout",
    "mkswap": "check force label lock pagesize quiet swapversion uuid verbose",
    "fallocate": """
        collapse-range dig-holes insert-range keep-size length offset posix punch-hole verbose write-zeroes zero-range
    """,
    "sfdisk": """
        activate append backup backup-file backup-pt-sectors bytes color delete disk-id dump force json label
        label-nested list list-free list-types lock move-data move-use-fsync no-act no-reread no-tell-kernel output
        part-attrs part-label part-type part-uuid partno quiet relocate reorder show-geometry show-pt-geometry
        show-size unit verify wipe wipe-partitions
    """,
    "fdisk": """
        bytes color compatibility cylinders getsz heads list list-details lock noauto-pt output protect-boot
        sector-size sectors type units wipe wipe-partitions
    """,
    "dmesg": """
        buffer-size clear color console-level console-off console-on ctime decode facility file follow follow-new
        force-prefix human json kernel level noescape nopager notime raw read-clear reltime show-delta since syslog
        time-format until userspace
    """,
    "hostname": "alias all-fqdns all-ip-addresses boot domain file fqdn ip-address long nis short yp",
    "journalctl": """
        after-cursor all boot case-sensitive catalog cursor cursor-file directory disk-usage dmesg dump-catalog
        exclude-identifier facility field fields file flush follow force full grep header identifier image image-policy
        interval invocation lines list-boots list-catalog list-invocations list-namespaces local machine merge
        namespace new-id128 no-full no-hostname no-pager no-tail output output-fields pager-end priority quiet
        relinquish-var reverse root rotate setup-keys show-cursor since smart-relinquish-var sync synchronize-on-exit
        system this-boot truncate-newline unit until update-catalog user user-unit utc vacuum-file vacuum-files
        vacuum-size vacuum-time verify verify-key …
    """,
    "systemctl": """
        after all before boot-loader-entry boot-loader-menu capsule check-inhibitors drop-in dry-run fail failed
        firmware-setup force full global host ignore-inhibitors image image-policy job-mode json kill-subgroup
        kill-value kill-who kill-whom legend lines log-level log-target machine marked message mkdir no-ask-password
        no-block no-pager no-reload no-wall no-warn now output plain preset-mode privileged property quiet read-only
        reboot-argument recursive reverse root runtime show-transaction show-types signal state stdin system timestamp
        type user value verbose wait what when with-dependencies …
    """,
    "shutdown": "check-inhibitors halt message no-wall poweroff reboot show when",
    "reboot poweroff halt": """
        boot-loader-entry boot-loader-menu check-inhibitors firmware-setup force halt kexec message no-sync no-wall
        no-wtmp poweroff reboot when wtmp-only
    """,
    "pkill pgrep": """
        cgroup count delimiter echo env euid exact full group ignore-ancestors ignore-case inverse lightweight
        list-full list-name logpidfile mrelease newest ns nslist older oldest parent pgroup pidfile queue
        require-handler runstates session shell-quote signal terminal uid
    """,
    "killall": """
        context exact ignore-case interactive list ns older-than process-group quiet regexp signal user verbose wait
        younger-than
    """,
    "userdel": "force prefix remove root selinux-user",
    "mdadm": """
        action add add-journal add-spare alert array-size assemble assume-clean auto auto-detect backup-file bitmap
        bitmap-chunk brief build chunk cluster-confirm config consistency-policy continue create daemonise data-offset
        delay detail detail-platform dump examine examine-badblocks examine-bitmap export fail failfast follow force
        freeze-reshape grow help-options home-cluster homehost increment incremental invalid-backup kill-subarray
        layout level logical-block-size mail manage metadata misc monitor name no-degraded no-sharing nodes nofailfast
        offroot oneshot options parity pid-file prefer program query quiet raid-devices raid-disks re-add readonly
        readwrite rebuild remove remove-bitmap replace restore rounding run scan set-faulty size sparc2.2 spare-devices
        spare-disks stop super-minor symlinks syslog test udev-rules update update-subarray uuid verbose wait
        wait-clean with write-behind write-mostly write-zeroes zero-superblock …
    """,
    "lvremove vgremove pvremove lvreduce lvresize lvconvert vgreduce": """
        all alloc autobackup background cache cachedevice cachemetadataformat cachemode cachepolicy cachepool
        cachesettings cachesize cachevol chunksize commandprofile compression config debug deduplication devices
        devicesfile discards driverloaded errorwhenfull extents force interval journal lockopt longhelp merge
        mergemirrors mergesnapshot mergethin metadataprofile mirrorlog mirrors mirrorsonly name nofsck nohints
        nohistory nolocking nosync noudevsync originname poolmetadata poolmetadatasize poolmetadataspare profile quiet
        raidintegrity raidintegrityblocksize raidintegritymode readahead regionsize removemissing repair replace
        reportformat resizefs select size snapshot splitcache splitmirrors splitsnapshot startpoll stripes stripesize
        swapmetadata test thin thinpool trackchanges type uncache usepolicies vdopool vdosettings verbose virtualsize
        yes zero …
    """,
    "ss": """
        all bpf bpf-map-id bpf-maps cgroup context contexts dccp diag events extended family filter inet-sockopt info
        ipv4 ipv6 kill listening memory mptcp net no-header numeric oneline options packet processes query raw resolve
        sctp socket summary tcp threads tipc tipcinfo tos udp unix vsock xdp …
    """,
    "file": """
        apple brief checking-printout compile debug dereference exclude exclude-quiet extension files-from keep-going
        list magic-file mime mime-encoding mime-type no-buffer no-dereference no-pad no-sandbox parameter preserve-date
        print0 raw separator special-files uncompress uncompress-noreport …
    """,
    "asciinema": "append cols command env idle-time-limit overwrite quiet raw rows server-url stdin title yes …",
    "tcpdump": """
        absolute-tcp-sequence-numbers buffer-size count direction dont-verify-checksums immediate-mode interface
        lengths linktype list-data-link-types list-interfaces list-time-stamp-types micro monitor-mode nano no-optimize
        no-promiscuous-mode number packet-buffered print relinquish-privileges skip snapshot-length
        time-stamp-precision time-stamp-type …
    """,
    "dmidecode": "dev-mem dump dump-bin from-dump handle no-sysfs oem-string quiet string type",
    "ed": """
        extended-regexp loose-exit-status prompt quiet restricted script silent strip-trailing-cr traditional
        unsafe-names verbose
    """,
    "info": """
        all apropos debug directory dribble file index-search init-file location no-raw-escapes node output raw-escapes
        restore show-malformed-multibytes show-options speech-friendly strict-node-location subnodes usage variable
        vi-keys where
    """,
    "curl": """
        abstract-unix-socket alt-svc anyauth append aws-sigv4 basic cacert capath cert cert-status cert-type ciphers
        compressed compressed-ssh config connect-timeout connect-to continue-at cookie cookie-jar create-dirs
        create-file-mode crlf crlfile curves data data-ascii data-binary data-raw data-urlencode delegation digest
        disable disable-eprt disable-epsv disallow-username-in-url dns-interface dns-ipv4-addr dns-ipv6-addr
        dns-servers doh-cert-status doh-insecure doh-url dump-header egd-file engine etag-compare etag-save
        expect100-timeout fail fail-early fail-with-body false-start form form-escape form-string ftp-account
        ftp-alternative-to-user ftp-create-dirs ftp-method ftp-pasv ftp-port ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc
        ftp-ssl-ccc-mode ftp-ssl-control get globoff happy-eyeballs-timeout-ms haproxy-protocol head header hostpubmd5
        hostpubsha256 hsts http0 http1 http2 http2-prior-knowledge http3 http3-only ignore-content-length include
        insecure interface ipv4 ipv6 json junk-session-cookies keepalive-time key key-type krb libcurl limit-rate
        list-only local-port location location-trusted login-options mail-auth mail-from mail-rcpt mail-rcpt-allowfails
        manual max-filesize max-redirs max-time metalink negotiate netrc netrc-file netrc-optional next no-alpn
        no-buffer no-clobber no-keepalive no-npn no-progress-meter no-sessionid noproxy ntlm ntlm-wb oauth2-bearer
        output output-dir parallel parallel-immediate parallel-max pass path-as-is pinnedpubkey post301 post302 post303
        preproxy progress-bar proto proto-default proto-redir proxy proxy-anyauth proxy-basic proxy-cacert proxy-capath
        proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile proxy-digest proxy-header proxy-insecure proxy-key
        proxy-key-type proxy-negotiate proxy-ntlm proxy-pass proxy-pinnedpubkey proxy-service-name
        proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword
        proxy-tlsuser proxy-tlsv1 proxy-user proxy1 proxytunnel pubkey quote random-file range rate raw referer
        remote-header-name remote-name remote-name-all remote-time remove-on-error request request-target resolve retry
        retry-all-errors retry-connrefused retry-delay retry-max-time sasl-authzid sasl-ir service-name show-error
        silent socks4 socks4a socks5 socks5-basic socks5-gssapi socks5-gssapi-nec socks5-gssapi-service socks5-hostname
        speed-limit speed-time ssl ssl-allow-beast ssl-auto-client-cert ssl-no-revoke ssl-reqd ssl-revoke-best-effort
        sslv2 sslv3 stderr styled-output suppress-connect-headers tcp-fastopen tcp-nodelay telnet-option tftp-blksize
        tftp-no-options time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser tlsv1 tr-encoding trace
        trace-ascii trace-time unix-socket upload-file url url-query use-ascii user user-agent verbose write-out xattr
        …
    """,
}
PROGRAMS = {program: table.strip() for programs, table in _TABLES.items() for program in programs.split()}


@cache
def names(program: str) -> frozenset[str]:
    """The long options of a program, with their dashes; none for one that has no table."""
    listed = PROGRAMS.get(program, "").removesuffix("…").split()
    return frozenset(f"--{name}" for name in (*listed, "help", "version")) if listed else frozenset()


def whole(written: str, known: Collection[str]) -> str:
    """The name that was cut short, where only one begins so; else the name as it is written."""
    fitting = [] if written in known else [name for name in known if name.startswith(written)]
    return fitting[0] if len(fitting) == 1 else written


def spelled(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """A command's words with each long option of its program by its whole name."""
    known = names(_program(words))
    if not known:
        return words
    end = next((at for at, word in enumerate(words) if word.text == "--"), len(words))
    return (*(_spelled(word, known) for word in words[:end]), *words[end:])


def strange(words: tuple[Word, ...]) -> str | None:
    """The first long option that is none of its program's, or may be one of several; None where each is known."""
    program = _program(words)
    known = names(program)
    for text in (word.text for word in words[1:]):
        if text == "--" or not known:
            break
        name = (text or "").partition("=")[0]
        if not name.startswith("--") or name in known:
            continue
        if not PROGRAMS[program].endswith("…") or any(each.startswith(name) for each in known):
            return name
    return None


def _program(words: tuple[Word, ...]) -> str:
    return (words[0].text or "").rpartition("/")[2]


def _spelled(word: Word, known: Collection[str]) -> Word:
    if word.text is None or not word.text.startswith("--"):
        return word
    name, separator, value = word.text.partition("=")
    return word._replace(text=f"{whole(name, known)}{separator}{value}")

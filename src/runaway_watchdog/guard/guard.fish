# runaway-watchdog guard, for fish 3.4 and newer: a line that would destroy data is held until its name is typed.
# Enter is bound to a function that looks at the line and then does what Enter did.
# RUNAWAY_WATCHDOG_GUARD=off lets every line pass; runaway_watchdog_guard_off takes it out of this shell.

function __runaway_watchdog_enter
    set -l line (commandline | string collect)
    if test "$RUNAWAY_WATCHDOG_GUARD" != off; and string match -qr '\S' -- $line
        and not commandline --paging-mode; and not commandline --search-mode
        and contains -- "$(status current-command)" fish ''; and commandline --is-valid
        and __runaway_watchdog_suspicious $line; and __runaway_watchdog_holds $line
        commandline -f repaint
        return
    end
    commandline -f execute
end

# The test of the words: nothing is started. It leaves in __runaway_watchdog_feared whether the line is one to fear.
function __runaway_watchdog_suspicious
    set -g __runaway_watchdog_feared
    set -l code $argv[1]
    set -l text $argv[1]
    for word in (string split -n ' ' -- (string replace -ar '[;&|()<>\s]+' ' ' -- $code | string join ' '))
        if __runaway_watchdog_own $word
            set -l body (functions -- $word | string collect)
            test (string length -- $body) -gt 4096; or set text $body\n$text
        end
    end
    for name in (string match -ar '\$\{?([A-Za-z_][A-Za-z0-9_]*)' -g -- $code)
        set text "$$name $text"
    end
    set text (string replace -ar '\\\\\n|[\'"\\\\]' '' -- $text | string collect)
    set -l asked 1
    set -l before
    for word in (string match -ar '[A-Za-z0-9_.-]+' -- $text)
        test "$before" = git; and not contains -- $word $__runaway_watchdog_reads; and set asked 0
        set before $word
        set -l name (string split -m1 . -- $word)[1]
        set -l at (contains -i -- "$name" $__runaway_watchdog_words)
        if test -n "$at"; and string match -qr -- $__runaway_watchdog_words_with[$at] $text
            set -g __runaway_watchdog_feared yes
            return 0
        end
        set at (contains -i -- "$name" $__runaway_watchdog_asked)
        test -n "$at"; and string match -qr -- $__runaway_watchdog_asked_with[$at] $text; and set asked 0
    end
    # A redirection that empties what is there; `>> file`, `> new-file` and `2>&1` empty nothing.
    for found in (string match -ar -- $__runaway_watchdog_target $code | string match -r '^>.*')
        set -l parts (string match -r -- $__runaway_watchdog_target $found)
        string match -q '*>*' -- "$parts[2]"; and continue
        set -l target (string replace -ar '[\'"\\\\]' '' -- $parts[3])
        string match -q '*&*' -- "$parts[2]"; and string match -qr '^([0-9]+-?|-)$' -- $target; and continue
        set target (string replace -r '^~/' "$HOME/" -- $target)
        if test -f "$target" -a -s "$target"; or test -b "$target"
            set -g __runaway_watchdog_feared yes
            set asked 0
        else if string match -qr '[$`*?{\[(]|^~|^/(proc|sys)/' -- $target
            or begin; not string match -q '/*' -- $target; and string match -qr -- $__runaway_watchdog_moves $text; end
            set asked 0
        end
    end
    string match -qr -- $__runaway_watchdog_hidden $code; and set asked 0
    return $asked
end

# Whether a word is a function of the person's own; fish itself has some of the names of everyday programs.
function __runaway_watchdog_own
    string match -qr '^[A-Za-z0-9_.:+%,-]+$' -- $argv[1]; and functions -q -- $argv[1]; or return 1
    not string match -q "$__fish_data_dir/*" -- (functions --details -- $argv[1])
end

# Asks the program, which asks the person.
function __runaway_watchdog_holds
    __runaway_watchdog_tell $argv[1] | $__runaway_watchdog_program guard --ask fish 2>/dev/tty
    set -l code $pipestatus[2]
    switch $code
        case 0
            return 1
        case @HELD@ 130
            return 0
        case 126 127
            echo "runaway-watchdog guard: the program is gone ($code); running the command" >/dev/tty
            return 1
    end
    if test -n "$__runaway_watchdog_feared"
        printf '%s\n' "runaway-watchdog guard: could not check this command (the guard ended with $code): held." \
            "To run it anyway: set RUNAWAY_WATCHDOG_GUARD off first, as a command of its own." >/dev/tty
        return 0
    end
    echo "runaway-watchdog guard: could not analyse this command (the guard ended with $code); running it" >/dev/tty
    return 1
end

# The line and what the shell knows of its words, each ended by NUL. A list's values are not told.
function __runaway_watchdog_tell
    printf '%s\0' $argv[1]
    for name in (string match -ar '\$\{?([A-Za-z_][A-Za-z0-9_]*)' -g -- $argv[1])
        switch (count $$name)
            case 1
                printf '%s\0' "set:$name" "$$name"
            case 0
                printf '%s\0' "unset:$name" ''
            case '*'
                printf '%s\0' "opaque:$name" ''
        end
    end
    for word in (string match -ar '[A-Za-z0-9_.-]+' -- $argv[1])
        __runaway_watchdog_own $word; and printf '%s\0' "opaque:$word" ''
    end
end

function runaway_watchdog_guard_off
    for mode in default insert
        bind -M $mode \r execute
        bind -M $mode \n execute
    end
    functions -e __runaway_watchdog_enter __runaway_watchdog_own __runaway_watchdog_suspicious __runaway_watchdog_holds __runaway_watchdog_tell \
        runaway_watchdog_guard_off
    set -e __runaway_watchdog_program __runaway_watchdog_words __runaway_watchdog_words_with __runaway_watchdog_asked \
        __runaway_watchdog_asked_with __runaway_watchdog_reads __runaway_watchdog_hidden __runaway_watchdog_target \
        __runaway_watchdog_moves __runaway_watchdog_feared
end

if status is-interactive
    set -g __runaway_watchdog_program @PROGRAM@
    set -g __runaway_watchdog_words @WORDS@
    set -g __runaway_watchdog_words_with @WORDS_WITH@
    set -g __runaway_watchdog_asked @ASKED@
    set -g __runaway_watchdog_asked_with @ASKED_WITH@
    set -g __runaway_watchdog_reads @READS@
    set -g __runaway_watchdog_hidden @HIDDEN@
    set -g __runaway_watchdog_target @TARGET@
    set -g __runaway_watchdog_moves @MOVES@
    for mode in default insert
        bind -M $mode \r __runaway_watchdog_enter
        bind -M $mode \n __runaway_watchdog_enter
    end
end

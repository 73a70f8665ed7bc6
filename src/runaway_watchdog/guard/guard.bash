# runaway-watchdog guard, for bash 4.4 and newer: a line that would destroy data is held until its name is typed.
# Enter becomes a macro of two keys that no terminal sends: the first looks at the line, the second accepts it, or
# draws it again. So history, completion, job control and pasting are readline's own, as before.
# RUNAWAY_WATCHDOG_GUARD=off lets every line pass; runaway_watchdog_guard_off takes it out of this shell.

__runaway_watchdog_load() {
    [[ -t 0 && -t 2 && ${RUNAWAY_WATCHDOG_GUARD-} != off ]] || return 0
    if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
        builtin printf '%s\n' "runaway-watchdog guard: needs bash 4.4 or newer: no line is held in this shell" >&2
        return 0
    fi
    if [[ -n ${BLE_VERSION-} || ! (-o emacs || -o vi) ]]; then
        builtin printf '%s\n' "runaway-watchdog guard: no readline in this shell: no line is held in it" >&2
        return 0
    fi
    __runaway_watchdog_program=(@PROGRAM@)
    __runaway_watchdog_tables
    __runaway_watchdog_lines=
    __runaway_watchdog_second=accept-line
    __runaway_watchdog_bind
    __runaway_watchdog_hook
}

# By program: what else in the line makes it one to fear, and what makes it one to ask about.
__runaway_watchdog_tables() {
    declare -gA __runaway_watchdog_words=(@WORDS@)
    declare -gA __runaway_watchdog_asked=(@ASKED@)
    __runaway_watchdog_reads=' @READS@ '
    __runaway_watchdog_hidden=@HIDDEN@
    __runaway_watchdog_target=@TARGET@
    __runaway_watchdog_moves=@MOVES@
}

# Only where Enter is readline's own: what somebody else put there is left alone, and that is said.
__runaway_watchdog_bind() {
    local keymap list
    for keymap in emacs vi-insert vi-command; do
        case $(builtin bind -m "$keymap" -s 2>/dev/null) in
        *'"\C-m": "\e[8410~'*) continue ;;
        esac
        case $(builtin bind -m "$keymap" -q accept-line 2>/dev/null) in
        *'"\C-m"'*) ;;
        *)
            builtin printf '%s\n' "runaway-watchdog guard: Enter is bound to something else in $keymap:" \
                "  no line is held in that keymap" >&2
            continue
            ;;
        esac
        builtin bind -m "$keymap" -x '"\e[8410~": { __runaway_watchdog_enter || builtin :; } 2>/dev/null'
        builtin bind -m "$keymap" '"\e[8411~": accept-line'
        builtin bind -m "$keymap" '"\C-m": "\e[8410~\e[8411~"'
        builtin bind -m "$keymap" '"\C-j": "\e[8410~\e[8411~"'
    done
    # Ctrl-O accepts a line too. Its second key is of its own, since what comes after it differs.
    case $(builtin bind -m emacs -q operate-and-get-next 2>/dev/null) in
    *'"\C-o"'*)
        builtin bind -m emacs '"\e[8412~": operate-and-get-next'
        builtin bind -m emacs '"\C-o": "\e[8410~\e[8412~"'
        ;;
    esac
    # C-x C-e (`v` in vi's command mode) runs what comes out of the editor. Here it goes through Enter, as all lines do.
    case $(builtin bind -m emacs -q edit-and-execute-command 2>/dev/null) in
    *'"\C-x\C-e"'*) __runaway_watchdog_bind_edit emacs '\C-x\C-e' ;;
    esac
    # (before 5.2 the function of that `v` has no name: there no list names a `v`)
    case $(for list in p s X; do builtin bind -m vi-command -$list; done 2>/dev/null) in
    *'"v": vi-edit-and-execute-command'*) __runaway_watchdog_bind_edit vi-command v ;;
    *'"v":'*) ;;
    *) __runaway_watchdog_bind_edit vi-command v ;;
    esac
}

__runaway_watchdog_bind_edit() {
    builtin bind -m "$1" -x '"\e[8413~": __runaway_watchdog_edit'
    builtin bind -m "$1" "\"$2\": \"\\e[8413~\\e[8410~\\e[8411~\""
}

# The line in the editor that readline itself would take. If that fails the line is not run, as with readline's own.
__runaway_watchdog_edit() {
    local - file
    builtin set +euxv -f
    __runaway_watchdog_edited=failed
    file=$(command mktemp "${TMPDIR:-/tmp}/bash-line.XXXXXX") || return 0
    builtin printf '%s\n' "$READLINE_LINE" >|"$file"
    if command ${VISUAL:-${EDITOR:-vi}} "$file" </dev/tty >/dev/tty 2>&1; then
        READLINE_LINE=$(<"$file") READLINE_POINT=0
        __runaway_watchdog_edited=
    fi
    command rm -f -- "$file"
}

# PROMPT_COMMAND runs where a new command begins, and not at PS2: there the lines before belong to the command.
__runaway_watchdog_hook() {
    case ${PROMPT_COMMAND[*]-} in
    *__runaway_watchdog_prompt*) return 1 ;;
    esac
    if [[ $(builtin declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
        PROMPT_COMMAND+=(__runaway_watchdog_prompt)
    elif ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
        # A place of its own: to what others put before and behind it, $? and PIPESTATUS are the command's.
        PROMPT_COMMAND=("${PROMPT_COMMAND-}" __runaway_watchdog_prompt)
    else
        PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}__runaway_watchdog_prompt
    fi
}

__runaway_watchdog_prompt() {
    local code=$?
    __runaway_watchdog_lines=
    return $code
}

# At Enter. In a `read -e` of somebody's function there are more names on the stack: that is an answer, not a command.
__runaway_watchdog_enter() {
    local - IFS=$' \t\n' second=accept-line text
    builtin set +euxv -f +o pipefail
    if [[ -n ${__runaway_watchdog_edited-} ]]; then
        __runaway_watchdog_edited= second=redraw-current-line
    elif ((${#FUNCNAME[@]} == 1)) && [[ ${RUNAWAY_WATCHDOG_GUARD-} != off ]]; then
        case ${PROMPT_COMMAND[*]-} in
        *__runaway_watchdog_prompt*) ;;
        *) __runaway_watchdog_hook && __runaway_watchdog_lines= ;;
        esac
        text=$__runaway_watchdog_lines$READLINE_LINE
        if [[ -n ${text//[[:space:]]/} ]] && __runaway_watchdog_holds "$text"; then
            second=redraw-current-line
        else
            __runaway_watchdog_lines=$text$'\n'
        fi
    fi
    [[ $second == "$__runaway_watchdog_second" ]] || __runaway_watchdog_then "$second"
    return 0
}

# What the second key does now: accept the line, or draw it again.
__runaway_watchdog_then() {
    local keymap
    __runaway_watchdog_second=$1
    for keymap in emacs vi-insert vi-command; do
        builtin bind -m "$keymap" "\"\\e[8411~\": $1"
    done
    [[ $1 != accept-line ]] || set -- operate-and-get-next
    builtin bind -m emacs "\"\\e[8412~\": $1"
}

__runaway_watchdog_holds() {
    local text=$1
    if [[ $- == *H* && ($text == *["${histchars-!}"]* || $text == *^*^*) ]]; then
        text=$(__runaway_watchdog_recall "$text") && [[ -n $text ]] || text=$1
    fi
    __runaway_watchdog_suspicious "$text" && __runaway_watchdog_whole "$text" && __runaway_watchdog_ask "$text"
}

# What `sudo !!` would be. It runs in a subshell: `history -p` takes the newest line away (it takes itself to be that
# line), so it is put back, in the subshell's own list, before what was typed is looked up.
__runaway_watchdog_recall() {
    local HISTTIMEFORMAT='' newest
    newest=$(builtin history 1)
    builtin history -p '' >/dev/null 2>&1
    [[ $(builtin history 1) == "$newest" ]] || builtin history -s -- "${newest#*[0-9][ \*] }"
    builtin history -p -- "$1" 2>/dev/null
}

# The test of the words: nothing is started. It leaves in __runaway_watchdog_feared whether the line is one to fear.
__runaway_watchdog_suspicious() {
    local code text rest=$1 word before= asked=1
    __runaway_watchdog_feared=
    __runaway_watchdog_known "$1"
    code=$REPLY text=$REPLY
    # Values of variables count too, for `$COMPOSE down -v`.
    while [[ $rest =~ \$\{?[!#]?([A-Za-z_][A-Za-z0-9_]*) ]]; do
        rest=${rest#*"${BASH_REMATCH[0]}"} word=${BASH_REMATCH[1]}
        text="${!word-} $text"
    done
    text=${text//\\$'\n'/} text=${text//[\'\"\\]/}
    # A table first and a small expression then: compiling one for all of the words would take 5 ms.
    for word in ${text//[^A-Za-z0-9_.-]/ }; do
        [[ $before != git || $__runaway_watchdog_reads == *" $word "* ]] || asked=0
        before=$word word=${word%%.*}
        [[ -n $word ]] || continue
        if [[ -n ${__runaway_watchdog_words[$word]-} && $text =~ ${__runaway_watchdog_words[$word]} ]]; then
            __runaway_watchdog_feared=yes
            return 0
        fi
        [[ -z ${__runaway_watchdog_asked[$word]-} || ! $text =~ ${__runaway_watchdog_asked[$word]} ]] || asked=0
    done
    __runaway_watchdog_empties "$code" "$text"
    case $? in
    0) __runaway_watchdog_feared=yes asked=0 ;;
    2) asked=0 ;;
    esac
    ((asked)) && [[ $code =~ $__runaway_watchdog_hidden ]] && asked=0
    return $asked
}

# In REPLY: the line, and before it what its aliases and functions stand for. What a long function does is not looked at.
__runaway_watchdog_known() {
    local todo=$1 next word value seen=' ' round
    REPLY=$1
    for round in 1 2 3; do
        next=
        for word in ${todo//[;&|()<>]/ }; do
            [[ $word =~ ^[A-Za-z0-9_.:+%,-]+$ && $word != *runaway_watchdog_* && $seen != *" $word "* ]] || continue
            value=
            if [[ -n ${BASH_ALIASES[$word]-} ]]; then
                value=${BASH_ALIASES[$word]}
            elif builtin declare -F -- "$word" >/dev/null; then
                value=$(builtin declare -f -- "$word")
                ((${#value} <= 4096)) || value=
                value=${value#*\{}
            fi
            [[ -z $value ]] || seen+="$word " next+=$value$'\n'
        done
        [[ -n $next ]] || break
        REPLY=$next$REPLY todo=$next
    done
}

# A redirection that empties what is there: 0; one of which that is only known when the line runs: 2.
# `>> file`, `> new-file` and `2>&1` empty nothing.
__runaway_watchdog_empties() {
    local rest=$1 mark target found=1
    while [[ $rest =~ $__runaway_watchdog_target ]]; do
        rest=${rest#*"${BASH_REMATCH[0]}"} mark=${BASH_REMATCH[1]} target=${BASH_REMATCH[2]//[\'\"\\]/}
        [[ $mark != *'>'* ]] || continue
        [[ $mark != *'&'* || ! $target =~ ^([0-9]+-?|-)$ ]] || continue
        [[ $target != '~/'* ]] || target=$HOME/${target#'~/'}
        [[ ! ((-f $target && -s $target) || -b $target) ]] || return 0
        case $target in
        *['$`*?{[']* | '~'* | /proc/* | /sys/*) found=2 ;;
        /*) ;;
        *) [[ ! $2 =~ $__runaway_watchdog_moves ]] || found=2 ;;
        esac
    done
    return $found
}

# Whether bash would run it now; if not it goes on at PS2, and is looked at again when it is whole.
__runaway_watchdog_whole() {
    local said
    [[ $1 =~ (^|[^\\])(\\\\)*\\$ ]] && return 1
    said=$(LC_ALL=C BASH_ENV='' "$BASH" --norc --noprofile -O extglob -n <<<"$1" 2>&1)
    case $said in
    *'unexpected end of file'* | *'unexpected EOF'* | *'delimited by end-of-file'*) return 1 ;;
    esac
}

# Asks the program, which asks the person. Ctrl-C there must not throw the line away here.
__runaway_watchdog_ask() {
    local code before
    before=$(builtin trap -p INT)
    builtin trap : INT
    # Of a job that a signal ended, in any of its parts, bash would put the terminal back to what it is outside of
    # readline: so it is one process that always ends by itself.
    (
        builtin trap : INT
        "${__runaway_watchdog_program[@]}" guard --ask bash 2>/dev/tty
        builtin exit $?
    ) < <(__runaway_watchdog_tell "$1")
    code=$?
    builtin trap - INT
    [[ -z $before ]] || builtin eval "$before"
    case $code in
    0) return 1 ;;
    @HELD@ | 130) return 0 ;;
    esac
    if ((code == 126 || code == 127)); then
        builtin printf '\r%s\n' "runaway-watchdog guard: the program is gone ($code); running the command" >/dev/tty
        return 1
    elif [[ -n $__runaway_watchdog_feared ]]; then
        builtin printf '\r%s\n' "runaway-watchdog guard: could not check this command (the guard ended with $code): held." \
            "To run it anyway: RUNAWAY_WATCHDOG_GUARD=off first, as a command of its own." >/dev/tty
        return 0
    fi
    builtin printf '\r%s\n' \
        "runaway-watchdog guard: could not analyse this command (the guard ended with $code); running it" >/dev/tty
    return 1
}

# The line and what the shell knows of its words, each ended by NUL. An array's value is not told.
__runaway_watchdog_tell() {
    local rest=$1 word said flags
    builtin printf '%s\0' "$1"
    while [[ $rest =~ \$\{?[!#]?([A-Za-z_][A-Za-z0-9_]*) ]]; do
        rest=${rest#*"${BASH_REMATCH[0]}"} word=${BASH_REMATCH[1]}
        said=$(builtin declare -p "$word" 2>/dev/null)
        flags=${said#declare -} flags=${flags%% *}
        case $flags in
        '') builtin printf '%s\0' "unset:$word" '' ;;
        *[aAn]*) ;;
        *) builtin printf '%s\0' "set:$word" "${!word-}" ;;
        esac
    done
    for word in "${!BASH_ALIASES[@]}"; do
        builtin printf '%s\0' "alias:$word" "${BASH_ALIASES[$word]}"
    done
    __runaway_watchdog_known "$1"
    for word in ${REPLY//[;&|()<>\"\'\`\$]/ }; do
        [[ $word =~ ^[A-Za-z0-9_.:+%,-]+$ ]] && [[ $word != *runaway_watchdog_* ]] && builtin declare -F -- "$word" >/dev/null || continue
        said=$(builtin declare -f -- "$word")
        ((${#said} > 4096)) || builtin printf '%s\0' "function:$word" "$said"
    done
}

runaway_watchdog_guard_off() {
    local keymap
    for keymap in emacs vi-insert vi-command; do
        case $(builtin bind -m "$keymap" -s 2>/dev/null) in
        *'"\C-m": "\e[8410~'*)
            builtin bind -m "$keymap" '"\C-m": accept-line'
            builtin bind -m "$keymap" '"\C-j": accept-line'
            builtin bind -m "$keymap" -r '\e[8411~'
            builtin bind -m "$keymap" -r '\e[8410~'
            ;;
        esac
    done
    builtin bind -m emacs -r '\e[8412~'
    builtin bind -m emacs '"\C-o": operate-and-get-next'
    for keymap in emacs vi-command; do
        case $(builtin bind -m "$keymap" -s 2>/dev/null) in
        *'"\e[8413~'*)
            builtin bind -m "$keymap" -r '\e[8413~'
            if [[ $keymap == emacs ]]; then
                builtin bind -m emacs '"\C-x\C-e": edit-and-execute-command'
            elif ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 502)); then
                builtin bind -m vi-command '"v": edit-and-execute-command'
            else
                builtin bind -m vi-command '"v": vi-edit-and-execute-command'
            fi
            ;;
        esac
    done
    if [[ $(builtin declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
        for keymap in "${!PROMPT_COMMAND[@]}"; do
            [[ ${PROMPT_COMMAND[keymap]} != __runaway_watchdog_prompt ]] || builtin unset "PROMPT_COMMAND[keymap]"
        done
        [[ ${#PROMPT_COMMAND[@]} != 1 || -n ${PROMPT_COMMAND-} ]] || builtin unset PROMPT_COMMAND
    else
        PROMPT_COMMAND=${PROMPT_COMMAND%__runaway_watchdog_prompt}
        PROMPT_COMMAND=${PROMPT_COMMAND%$'\n'}
    fi
    builtin unset -f __runaway_watchdog_{load,tables,bind,bind_edit,edit,hook,prompt,enter,then,holds} \
        __runaway_watchdog_{suspicious,known,empties,whole,ask,tell,recall} runaway_watchdog_guard_off
    builtin unset -v __runaway_watchdog_{program,words,asked,reads,hidden,target,moves,feared,lines,second,edited}
}

case $- in
*i*) __runaway_watchdog_load || builtin : ;;
esac

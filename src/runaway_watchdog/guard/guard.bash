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
    declare -gA __runaway_watchdog_words=(@WORDS@)
    __runaway_watchdog_lines=
    __runaway_watchdog_second=accept-line
    __runaway_watchdog_bind
    __runaway_watchdog_hook
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
    else
        PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}__runaway_watchdog_prompt
    fi
}

__runaway_watchdog_prompt() {
    __runaway_watchdog_lines=
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

# The test of the words: nothing is started. Values of aliases and variables are put in front, for `$COMPOSE down -v`.
__runaway_watchdog_suspicious() {
    local text=$1 rest=$1 word
    while [[ $rest =~ \$\{?[!#]?([A-Za-z_][A-Za-z0-9_]*) ]]; do
        rest=${rest#*"${BASH_REMATCH[0]}"} word=${BASH_REMATCH[1]}
        text="${!word-} $text"
    done
    if ((${#BASH_ALIASES[@]})); then
        for word in ${1//[;&|()<>]/ }; do
            [[ $word =~ ^[A-Za-z0-9_.:+%,-]+$ ]] && text="${BASH_ALIASES[$word]-} $text"
        done
    fi
    text=${text//[\'\"\\]/}
    # A table first and a small expression then: compiling one for all of the words would take 5 ms.
    for word in ${text//[^A-Za-z0-9_.-]/ }; do
        word=${word%%.*}
        [[ -z $word || -z ${__runaway_watchdog_words[$word]-} ]] ||
            [[ ! $text =~ ${__runaway_watchdog_words[$word]} ]] || return 0
    done
    __runaway_watchdog_empties "$1"
}

# A redirection that empties what is there: `> file`, but not `>> file` and not `> new-file`.
__runaway_watchdog_empties() {
    local rest=${1//>>/ } target
    while [[ $rest =~ \>[|]?[[:space:]]*([^][:space:]\;\&\|\(\)\<\>[]+) ]]; do
        rest=${rest#*"${BASH_REMATCH[0]}"} target=${BASH_REMATCH[1]//[\'\"\\]/}
        case $target in
        '~/'*) target=$HOME/${target#'~/'} ;;
        *['$`*?~']*) return 0 ;;
        esac
        [[ (-f $target && -s $target) || -b $target ]] && return 0
        [[ $target != /* && $1 =~ (cd|pushd|popd)[[:space:]] ]] && return 0
    done
    return 1
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
    __runaway_watchdog_tell "$1" | "${__runaway_watchdog_program[@]}" guard --ask bash 2>/dev/tty
    code=$?
    builtin trap - INT
    [[ -z $before ]] || builtin eval "$before"
    case $code in
    0) return 1 ;;
    @HELD@ | 130) return 0 ;;
    esac
    builtin printf '\r%s\n' "runaway-watchdog guard: cannot judge this line (the guard ended with $code); it runs" >/dev/tty
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
    else
        PROMPT_COMMAND=${PROMPT_COMMAND%__runaway_watchdog_prompt}
        PROMPT_COMMAND=${PROMPT_COMMAND%$'\n'}
    fi
    builtin unset -f __runaway_watchdog_{load,bind,bind_edit,edit,hook,prompt,enter,then,holds,suspicious,empties,whole,ask,tell,recall} \
        runaway_watchdog_guard_off
    builtin unset -v __runaway_watchdog_{program,words,lines,second,edited}
}

case $- in
*i*) __runaway_watchdog_load || builtin : ;;
esac

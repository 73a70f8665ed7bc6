# runaway-watchdog guard, for zsh 5 and newer: a line that would destroy data is held until its name is typed.
# The widgets that accept a line are wrapped; everything else, and what they do, stays as it was.
# RUNAWAY_WATCHDOG_GUARD=off lets every line pass; runaway_watchdog_guard_off takes it out of this shell.

__runaway_watchdog_load() {
    emulate -L zsh
    local widget
    [[ -t 0 && -t 2 && ${RUNAWAY_WATCHDOG_GUARD-} != off ]] || return 0
    if ! zmodload zsh/zle zsh/parameter zsh/regex 2>/dev/null; then
        builtin print -ru2 -- 'runaway-watchdog guard: no line editor in this shell: no line is held in it'
        return 0
    fi
    typeset -ga __runaway_watchdog_program
    __runaway_watchdog_program=(@PROGRAM@)
    typeset -gA __runaway_watchdog_words
    __runaway_watchdog_words=(@WORDS@)
    # What a widget was before: zsh's own is called by its dotted name, since a plugin that wraps every widget it finds
    # would take a copy of it for another one of zsh's own.
    typeset -gA __runaway_watchdog_kept
    for widget in accept-line accept-and-hold accept-line-and-down-history accept-and-infer-next-history; do
        if [[ ${widgets[$widget]-} == builtin ]]; then
            __runaway_watchdog_kept[$widget]=.$widget
        elif [[ -z ${__runaway_watchdog_kept[$widget]-} ]]; then
            builtin zle -A $widget __runaway_watchdog_kept_$widget
            __runaway_watchdog_kept[$widget]=__runaway_watchdog_kept_$widget
        else
            __runaway_watchdog_pass $widget enter
            continue
        fi
        __runaway_watchdog_pass $widget enter
        builtin zle -N $widget __runaway_watchdog_$widget
    done
}

# A function for each widget: a plugin that wraps ours calls it under another name.
__runaway_watchdog_pass() {
    local kept=${__runaway_watchdog_kept[$1]}
    case $2 in
    (enter) functions[__runaway_watchdog_$1]="__runaway_watchdog_enter $kept \"\$@\"" ;;
    (on) functions[__runaway_watchdog_$1]="builtin zle $kept -- \"\$@\"" ;;
    esac
}

# At Enter, under whatever options the person has set. In `vared` and `select` it is an answer, not a command.
# The line is parsed, not run, as the body of a function: aliases are in place then. Where that fails nothing would
# run now: zsh goes on at PS2, or tells the error.
__runaway_watchdog_enter() {
    local __runaway_watchdog_bang=off
    if [[ "${CONTEXT-}" == (start|cont) && "${RUNAWAY_WATCHDOG_GUARD-}" != off && -n "${BUFFER-}" ]]; then
        if [[ -o banghist ]]; then
            __runaway_watchdog_bang=on
        fi
        { functions[__runaway_watchdog_parsed]="${PREBUFFER-}$BUFFER" } 2>/dev/null
        if __runaway_watchdog_holds; then
            return 0
        fi
    fi
    builtin zle "$1" -- "${@[2,-1]}"
}

__runaway_watchdog_holds() {
    emulate -L zsh
    local text=${PREBUFFER-}$BUFFER parsed=${functions[__runaway_watchdog_parsed]-}
    builtin unset 'functions[__runaway_watchdog_parsed]'
    if [[ $__runaway_watchdog_bang == on && $BUFFER == *[${histchars[1]}${histchars[2]}]* ]]; then
        __runaway_watchdog_recall
        text=$REPLY parsed=$REPLY
    fi
    [[ -n $parsed && $text != *[^\\](\\\\)#\\ ]] || return 1
    __runaway_watchdog_suspicious "$text" "$parsed" && __runaway_watchdog_ask "$text" "$parsed"
}

# What `sudo !!` would be, in REPLY; the line itself is left as it was typed.
__runaway_watchdog_recall() {
    local typed=$BUFFER
    local -i at=$CURSOR
    setopt bang_hist
    builtin zle .expand-history 2>/dev/null
    REPLY=${PREBUFFER-}$BUFFER
    BUFFER=$typed CURSOR=$at
}

# The test of the words: nothing is started. Values of variables are put in front, for `$COMPOSE down -v`.
__runaway_watchdog_suspicious() {
    local text="$1 $2" rest=$1 MATCH word
    local -i MBEGIN MEND
    local -a match mbegin mend
    while [[ $rest =~ '\$\{?[!#]?([A-Za-z_][A-Za-z0-9_]*)' ]]; do
        word=$match[1] rest=${rest[MEND+1,-1]}
        text="${(P)word-} $text"
    done
    text=${text//[\'\"\\]/}
    for word in ${=text//[^A-Za-z0-9_.-]/ }; do
        rest=${__runaway_watchdog_words[${word%%.*}]-}
        [[ -z $rest || ! $text =~ $rest ]] || return 0
    done
    __runaway_watchdog_empties "$1"
}

# A redirection that empties what is there: `> file`, but not `>> file` and not `> new-file`.
__runaway_watchdog_empties() {
    local rest=${1//>>/ } target MATCH
    local -i MBEGIN MEND
    local -a match mbegin mend
    while [[ $rest =~ '>[|!]?[[:space:]]*([^][:space:];&|()<>[]+)' ]]; do
        target=${match[1]//[\'\"\\]/} rest=${rest[MEND+1,-1]}
        case $target in
        ('~/'*) target=$HOME/${target#'~/'} ;;
        (*[\$\`*?~]*) return 0 ;;
        esac
        [[ ( -f $target && -s $target ) || -b $target ]] && return 0
        [[ $target != /* && $1 =~ '(cd|pushd|popd)[[:space:]]' ]] && return 0
    done
    return 1
}

# Asks the program, which asks the person. Ctrl-C there must not throw the line away here.
__runaway_watchdog_ask() {
    local -i code
    builtin zle -I
    trap : INT
    __runaway_watchdog_tell "$1" "$2" | "${__runaway_watchdog_program[@]}" guard --ask zsh 2>/dev/tty
    code=$?
    case $code in
    (0) return 1 ;;
    (@HELD@|130) return 0 ;;
    esac
    builtin print -r -- "runaway-watchdog guard: cannot judge this line (the guard ended with $code); it runs" >/dev/tty
    return 1
}

# The line and what the shell knows of its words, each ended by NUL. An array's value is not told.
__runaway_watchdog_tell() {
    local rest=$1 word MATCH
    local -i MBEGIN MEND
    local -a match mbegin mend
    builtin print -rN -- "$1"
    for word in ${(z)1}; do
        if (( ${+aliases[$word]} || ${+galiases[$word]} )); then
            builtin print -rN -- read: "$2"
            break
        fi
    done
    while [[ $rest =~ '\$\{?[!#]?([A-Za-z_][A-Za-z0-9_]*)' ]]; do
        word=$match[1] rest=${rest[MEND+1,-1]}
        case ${parameters[$word]-} in
        ('') builtin print -rN -- "unset:$word" '' ;;
        (scalar*|integer*|float*) builtin print -rN -- "set:$word" "${(P)word}" ;;
        esac
    done
}

runaway_watchdog_guard_off() {
    emulate -L zsh
    local widget kept
    for widget kept in ${(kv)__runaway_watchdog_kept}; do
        if [[ ${widgets[$widget]-} == user:__runaway_watchdog_$widget ]]; then
            builtin zle -A $kept $widget
            [[ $kept == .* ]] || builtin zle -D $kept
            builtin unset "__runaway_watchdog_kept[$widget]"
            builtin unfunction __runaway_watchdog_$widget
        else
            # A plugin that has wrapped ours goes on calling it: from now on it only passes on.
            __runaway_watchdog_pass $widget on
        fi
    done
    (( $#__runaway_watchdog_kept )) || builtin unset __runaway_watchdog_kept
    builtin unset __runaway_watchdog_program __runaway_watchdog_words
    builtin unfunction __runaway_watchdog_{load,pass,enter,holds,recall,suspicious,empties,ask,tell}
    builtin unfunction runaway_watchdog_guard_off
}

[[ ! -o interactive ]] || __runaway_watchdog_load

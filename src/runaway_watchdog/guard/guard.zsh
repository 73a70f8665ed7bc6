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
    __runaway_watchdog_tables
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

# By program: what else in the line makes it one to fear, and what makes it one to ask about.
__runaway_watchdog_tables() {
    typeset -gA __runaway_watchdog_words __runaway_watchdog_asked
    __runaway_watchdog_words=(@WORDS@)
    __runaway_watchdog_asked=(@ASKED@)
    typeset -g __runaway_watchdog_reads=' @READS@ ' __runaway_watchdog_feared=
    typeset -g __runaway_watchdog_hidden=@HIDDEN@
    typeset -g __runaway_watchdog_target=@TARGET@
    typeset -g __runaway_watchdog_moves=@MOVES@
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

# The test of the words: nothing is started. It leaves in __runaway_watchdog_feared whether the line is one to fear.
__runaway_watchdog_suspicious() {
    emulate -L zsh
    local code text rest=$1 MATCH word before=
    local -i MBEGIN MEND asked=1
    local -a match mbegin mend
    __runaway_watchdog_feared=
    __runaway_watchdog_known "$1"
    code=$REPLY text="$2 $REPLY"
    # Values of variables count too, for `$COMPOSE down -v`.
    while [[ $rest =~ '\$\{?[!#]?([A-Za-z_][A-Za-z0-9_]*)' ]]; do
        word=$match[1] rest=${rest[MEND+1,-1]}
        text="${(P)word-} $text"
    done
    text=${text//\\$'\n'/} text=${text//[\'\"\\]/}
    for word in ${=text//[^A-Za-z0-9_.-]/ }; do
        [[ $before != git || $__runaway_watchdog_reads == *" $word "* ]] || asked=0
        before=$word word=${word%%.*}
        rest=${__runaway_watchdog_words[$word]-}
        if [[ -n $rest && $text =~ $rest ]]; then
            __runaway_watchdog_feared=yes
            return 0
        fi
        rest=${__runaway_watchdog_asked[$word]-}
        [[ -z $rest || ! $text =~ $rest ]] || asked=0
    done
    for code in "$code" "$2"; do
        __runaway_watchdog_empties "$code" "$text"
        case $? in
        (0) __runaway_watchdog_feared=yes asked=0 ;;
        (2) asked=0 ;;
        esac
    done
    (( asked )) && [[ $1 =~ $__runaway_watchdog_hidden ]] && asked=0
    return $asked
}

# In REPLY: the line, and before it what its functions do. What a long function does is not looked at.
__runaway_watchdog_known() {
    local todo=$1 next word value seen=' '
    local -i round
    REPLY=$1
    for round in 1 2 3; do
        next=
        for word in ${=todo//[;&|()<>]/ }; do
            [[ $word != *[^A-Za-z0-9_.:+%,-]* && $word != *runaway_watchdog_* && $seen != *" $word "* ]] || continue
            value=${functions[$word]-}
            (( $#value == 0 || $#value > 4096 )) || seen+="$word " next+=$value$'\n'
        done
        [[ -n $next ]] || break
        REPLY=$next$REPLY todo=$next
    done
}

# A redirection that empties what is there: 0; one of which that is only known when the line runs: 2.
# `>> file`, `> new-file` and `2>&1` empty nothing.
__runaway_watchdog_empties() {
    local rest=$1 mark target MATCH
    local -i MBEGIN MEND found=1
    local -a match mbegin mend
    while [[ $rest =~ $__runaway_watchdog_target ]]; do
        mark=$match[1] target=${match[2]//[\'\"\\]/} rest=${rest[MEND+1,-1]}
        [[ $mark != *'>'* ]] || continue
        [[ $mark != *'&'* || ! $target =~ '^([0-9]+-?|-)$' ]] || continue
        [[ $target != '~/'* ]] || target=$HOME/${target#'~/'}
        [[ ! ( ( -f $target && -s $target ) || -b $target ) ]] || return 0
        case $target in
        (*[\$\`*?{[]*|'~'*|/proc/*|/sys/*) found=2 ;;
        (/*) ;;
        (*) [[ ! $2 =~ $__runaway_watchdog_moves ]] || found=2 ;;
        esac
    done
    return $found
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
    if (( code == 126 || code == 127 )); then
        builtin print -r -- "runaway-watchdog guard: the program is gone ($code); running the command" >/dev/tty
        return 1
    elif [[ -n $__runaway_watchdog_feared ]]; then
        builtin print -rl -- "runaway-watchdog guard: could not check this command (the guard ended with $code): held." \
            "To run it anyway: RUNAWAY_WATCHDOG_GUARD=off first, as a command of its own." >/dev/tty
        return 0
    fi
    builtin print -r -- \
        "runaway-watchdog guard: could not analyse this command (the guard ended with $code); running it" >/dev/tty
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
    __runaway_watchdog_known "$1"$'\n'"$2"
    for word in ${(u)=REPLY//[;&|()<>\"\'\`\$]/ }; do
        [[ $word != *[^A-Za-z0-9_.:+%,-]* && $word != *runaway_watchdog_* ]] && (( ${+functions[$word]} )) || continue
        (( $#functions[$word] > 4096 )) || builtin print -rN -- "function:$word" "$word () {"$'\n'"$functions[$word]"$'\n}'
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
    builtin unset __runaway_watchdog_{program,words,asked,reads,feared,hidden,target,moves}
    builtin unfunction __runaway_watchdog_{load,tables,pass,enter,holds,recall,suspicious,known,empties,ask,tell}
    builtin unfunction runaway_watchdog_guard_off
}

[[ ! -o interactive ]] || __runaway_watchdog_load

"""The guard of interactive shells: a line that would destroy data is held until the name of what dies is typed.

guard.bash, .zsh, .fish  what the shell runs at Enter: a test of the words, and only for a suspicious line this program
words                  the test of the words: one pattern for both shells and for `guard --check`
script                 the shell integration, put together
typed                  the line as the shell itself would read it: its aliases and variables in place
judge                  asks the preflight, with a time limit
decide                 what its answer means: pass, pass and say so, or hold   (pure)
page                   what a person reads when a line is held                 (pure)
terminal               shows it, asks, and never takes a paste for an answer
hook                   the answers for agents that run commands without a person
install, agents        writes the line or the hook into a person's files, and takes it out again

It runs `preflight --json` as a program of its own: what fails or hangs there must not take the guard with it.
"""

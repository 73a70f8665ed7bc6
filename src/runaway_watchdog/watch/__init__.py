"""The resident watch: small, never blocks, asks no engine and opens no network connection.

    clocks    reads the kernel's counters                    identity  which work a process is
    sample    counters -> Sample, only as deep as it must    detect    samples -> findings (pure)
    lineage   deaths and returns (pure)                      incidents findings -> incidents (pure)
    observer  an event -> state and effects (pure)           driver    asks the kernel, carries the effects out
    loop      ticks, wakes on deaths and signals             children  the case, the senders, the reload
    notify    systemd's notifications                        log       one line for each event

Types here are NamedTuples, and `dataclasses`, `pathlib` and psutil are not imported: together they would cost more
memory than everything else that the watch keeps.
"""

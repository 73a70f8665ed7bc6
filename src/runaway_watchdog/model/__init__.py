"""The types of the whole pipeline, in the order in which they flow; no logic, no I/O.

    identity   which process this is (a bare PID is never enough)
    sampling   what the counters said                          the watch
    events     what the watch concludes                        the watch -> the store, the case
    gap        what could not be read, and the mend            everywhere below
    process    one process as an explanation sees it           facts
    owner      who keeps it alive, and what an owner would do  owners -> prognosis
    effect     what a command would change here                effects
    plan       the reversible way out                          plan
    casefile   all of it, put together                         terminal, JSON, alert

All are NamedTuples. The resident watch imports only identity, sampling, events and user_input, and the `dataclasses`
module alone would cost it more memory than all of its state; and every command builds these classes at its start,
where a frozen dataclass takes five times as long.
"""

"""What the resident watch costs on this host: CPU for each look, and memory. Prints figures; asserts nothing.

    .venv/bin/python tests/bench/watch_cost.py [SECONDS]

The watch runs as it always does, with an interval of 0.2 s so that there are many looks in a short time; first with
the host as it is, then with one process that spins. PSS counts a share of the libraries that others use too.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INTERVAL_S = 0.2
SETTLE_S = 2.0


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        config.write_text(
            f'[sampling]\ninterval = "{INTERVAL_S}s"\n[[rule]]\ncpu = 90\nfor = "1h"\n'
            f'[store]\npath = "{folder}/watchdog.db"\n'
        )
        words = [sys.executable, "-m", "runaway_watchdog", "run", "--config", str(config)]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as watch:
            try:
                time.sleep(SETTLE_S)
                idle = cpu_ms_a_look(watch.pid, seconds)
                with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinner:
                    time.sleep(SETTLE_S)
                    busy = cpu_ms_a_look(watch.pid, seconds)
                    spinner.kill()
                pss = pss_mib(watch.pid)
            finally:
                watch.terminate()
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    print(f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {os.cpu_count()} CPUs,")
    print(f"{processes} processes; {seconds / INTERVAL_S:.0f} looks each")
    print(f"CPU a look, host as it is:    {idle:.2f} ms")
    print(f"CPU a look, one runaway:      {busy:.2f} ms")
    print(f"at the default of one look every 2 s: {idle / 20:.3f} % and {busy / 20:.3f} % of a core")
    print(f"memory (PSS):                 {pss:.1f} MiB")


def cpu_ms_a_look(pid: int, seconds: float) -> float:
    clock = (~pid << 3) | 2  # the kernel's CPU clock of any process
    before = time.clock_gettime_ns(clock)
    time.sleep(seconds)
    return (time.clock_gettime_ns(clock) - before) / 1e6 / (seconds / INTERVAL_S)


def pss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)

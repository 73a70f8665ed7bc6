"""The machine's disk: the same folders that a box stacks, written into one ext4 image, with the agent inside."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from e2e.rig import base, cache

from .kernel import Kernel

# Raise it when something below changes that the key does not show.
RECIPE = 1
SIZE = "4G"  # sparse: what is used is about the size of the trees

_AGENT = Path(__file__).parent / "inside/agent.py"
_AGENT_UNIT = """\
[Unit]
Description=Runs what the tests ask for
DefaultDependencies=no
After=systemd-remount-fs.service local-fs.target
[Service]
ExecStart=/usr/bin/python3 -S /opt/rig/agent.py
Restart=always
KillMode=process
OOMScoreAdjust=-1000
[Install]
WantedBy=multi-user.target
"""


def ensure_disk(layers: Sequence[Path], kernel: Kernel) -> Path:
    """The image of `layers` (topmost first, base last) with the kernel's modules; built when absent."""
    # The folders are themselves named by what is in them.
    names = [str(path.relative_to(cache.folder())) for path in layers]
    recipe = cache.key(str(RECIPE), SIZE, kernel.folder.name, _AGENT.read_text(), _AGENT_UNIT, base.base_key(), *names)
    return cache.ensure("disk", recipe, _builder(layers, kernel)) / "disk.img"


def _builder(layers: Sequence[Path], kernel: Kernel) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        with cache.overlay(layers, folder / "upper", folder / "work", folder / "tree") as tree:
            _furnish(tree, kernel)
            image = folder / "disk.img"
            subprocess.run(["truncate", "-s", SIZE, str(image)], check=True)
            made = subprocess.run(
                ["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(tree), str(image)],
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode != 0:
                raise RuntimeError(f"mke2fs failed with {made.returncode}:\n{made.stderr[-2000:]}")
        for leftover in ("upper", "work", "tree"):
            shutil.rmtree(folder / leftover)

    return build


def _furnish(tree: Path, kernel: Kernel) -> None:
    """What a whole machine has and a box does not: modules, an agent, a name of its own."""
    shutil.copytree(kernel.modules, tree / "usr/lib/modules", symlinks=True, dirs_exist_ok=True)
    (tree / "opt/rig").mkdir(parents=True, exist_ok=True)
    shutil.copy2(_AGENT, tree / "opt/rig/agent.py")
    units = tree / "etc/systemd/system"
    (units / "rig-agent.service").write_text(_AGENT_UNIT)
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "rig-agent.service").symlink_to("../rig-agent.service")
    (tree / "etc/hostname").write_text("machine\n")

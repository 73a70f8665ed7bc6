"""The machine's kernel: Debian's cloud package, unpacked and never installed, with an initramfs that finds the disk."""

from __future__ import annotations

import gzip
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from e2e.rig import base, cache

META_PACKAGE = "linux-image-cloud-amd64"
# Raise it when something below changes that the key does not show.
RECIPE = 1

# In the order in which they must be loaded; ext4 is built in. The console is the agent's port, which is there before
# the first unit starts, with or without udev.
MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
    "virtio_console",
)

_INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in {modules}; do /bin/busybox insmod /modules/$module.ko || echo "$module: not loaded"; done
while ! /bin/busybox test -b /dev/vda; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/vda /new
for each in proc sys dev; do /bin/busybox mount -o move /$each /new/$each; done
exec /bin/busybox switch_root /new /lib/systemd/systemd
"""


@dataclass(frozen=True)
class Kernel:
    """One kernel in the cache: its image, its initramfs, and the folder that holds its modules by version."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self.folder / "initramfs.gz"

    @property
    def modules(self) -> Path:
        return self.folder / "modules"


def ensure_kernel() -> Kernel:
    """The kernel that the machine below would install today, fetched when absent (about 15 s)."""
    package, content = _candidate()
    ground = base.ensure_base()
    recipe = cache.key(str(RECIPE), content, *MODULES, _INIT, base.base_key())
    return Kernel(cache.ensure("kernel", recipe, _builder(package, ground)))


def _candidate() -> tuple[str, str]:
    """The package that the meta package stands for, and the line of apt that names its file and hash."""
    try:
        depends = _said("apt-cache", "depends", "--important", META_PACKAGE)
    except RuntimeError as error:
        raise RuntimeError(f"apt does not know {META_PACKAGE}: run apt-get update") from error
    package = next(word for word in depends.split() if word.startswith("linux-image-") and word != META_PACKAGE)
    return package, _said("apt-get", "download", "--print-uris", package)


def _builder(package: str, ground: Path) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        tree = folder / "tree"
        tree.mkdir()
        _said("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, cwd=folder)
        (archive,) = folder.glob("*.deb")
        _said("dpkg-deb", "-x", str(archive), str(tree))
        archive.unlink()
        (image,) = (tree / "boot").glob("vmlinuz-*")
        version = image.name.removeprefix("vmlinuz-")
        _said("depmod", "-b", str(tree), version)
        image.rename(folder / "vmlinuz")
        (tree / "lib/modules").rename(folder / "modules")
        shutil.rmtree(tree)
        (folder / "initramfs.gz").write_bytes(_initramfs(folder, folder / "modules" / version, ground / "bin/busybox"))

    return build


def _initramfs(folder: Path, modules: Path, busybox: Path) -> bytes:
    root = folder / "initramfs"
    for place in ("bin", "dev", "proc", "sys", "new", "modules"):
        (root / place).mkdir(parents=True)
    shutil.copy2(busybox, root / "bin/busybox")
    for module in MODULES:
        (found,) = modules.rglob(f"{module}.ko")
        shutil.copy2(found, root / "modules")
    init = root / "init"
    init.write_text(_INIT.format(modules=" ".join(MODULES)))
    init.chmod(0o755)
    pack = f"cd {shlex.quote(str(root))} && find . | cpio --quiet -o -H newc"
    archive = subprocess.run(["sh", "-c", pack], check=True, capture_output=True).stdout
    shutil.rmtree(root)
    return gzip.compress(archive)


def _said(*argv: str, cwd: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(argv)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout

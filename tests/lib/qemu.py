"""A machine in QEMU's software emulation that boots the kernel with one program."""

import os
import re
import subprocess

SECONDS = 240  # a hang detector
EXIT_PANIC = 127


def boot(kernel, path, machine="microvm", cpus=1, memory="128", append="", options=(), cpu="max"):
    """The booted program's exit code, or None, and its lines; the machine's own are left out, but
    for those of a panic."""
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", cpu, "-M", machine,
               "-smp", str(cpus), "-m", memory, "-display", "none", "-serial", "stdio",
               "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", kernel,
               "-append", os.path.basename(path or "none") + append, *options]
    if path:
        command += ["-initrd", path]
    if machine == "q35":
        command += ["-bios", "qboot.rom"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    lines = done.stdout.decode(errors="replace").replace("\r", "").splitlines()
    code, audited = None, False
    program = []
    for line in lines:
        exit_line = re.fullmatch(r"tokamak: exit (-?\d+)", line)
        if exit_line:
            code = int(exit_line[1])
        elif re.fullmatch(r"audit: .* 0 findings", line):
            audited = True
        else:
            program.append(line)
    if code is None or done.returncode != ((code & 127) << 1 | 1):
        program.append(f"(qemu's exit status {done.returncode}: {done.stderr.decode()})")
    elif not audited and code != EXIT_PANIC:
        program.append("(no audit)")
    return code, program

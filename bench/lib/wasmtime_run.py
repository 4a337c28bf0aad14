"""wasmtime through its Python package; run by the Python of build/peers/venv.

`compile FILE.wasm FILE.cwasm`, `run FILE.cwasm [ARGS…]`, or `time FILE.wasm`: the CPU seconds and the
peak memory of one compilation.

Code is compiled as wasmtime runs it at its best: Cranelift at opt_level speed, a reservation of 4
GiB and guards instead of bounds checks, no fuel, no epochs. The Python around it takes no part in
the time, which is measured inside the program.
"""

import resource
import sys
import time

import wasmtime

SUCCESS, NOSYS = 0, 52


def config_make() -> wasmtime.Config:
    config = wasmtime.Config()
    config.strategy = "cranelift"
    config.cranelift_opt_level = "speed"
    config.signals_based_traps = True
    config.memory_reservation = 4 << 30
    config.memory_guard_size = 2 << 30
    config.consume_fuel = False
    config.epoch_interruption = False
    return config


def module_compile(source: str, target: str) -> None:
    module = wasmtime.Module.from_file(wasmtime.Engine(config_make()), source)
    with open(target, "wb") as out:
        out.write(module.serialize())


def module_run(path: str, args: list) -> None:
    engine = wasmtime.Engine(config_make())
    module = wasmtime.Module.deserialize_file(engine, path)
    store = wasmtime.Store(engine)
    wasi = wasmtime.WasiConfig()
    wasi.argv = [path, *args]
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, module)
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as exit_trap:
        sys.exit(exit_trap.code)


def compile_time(path: str) -> None:
    config = config_make()
    config.parallel_compilation = False
    with open(path, "rb") as file:
        data = file.read()
    before = time.process_time()
    wasmtime.Module(wasmtime.Engine(config), data)
    took = time.process_time() - before
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"CPU {took:.6f} RSS {peak_kib * 1024}")


def main() -> None:
    what, path, *rest = sys.argv[1:]
    if what == "compile":
        module_compile(path, rest[0])
    elif what == "time":
        compile_time(path)
    else:
        module_run(path, rest)


main()

// Runs a WASI command under V8: node wasi_run.mjs FILE.wasm [ARGS…]. The few functions that a
// benchmark program needs, written here because node's own differ from version to version; any
// other name answers ENOSYS. Compilation is synchronous and before the clock, which runs inside the
// program.

import { readFileSync, readSync, writeSync } from "node:fs";
import { randomFillSync } from "node:crypto";

const ERRNO = { SUCCESS: 0, BADF: 8, INVAL: 28, NOSYS: 52, SPIPE: 70 };

class Exit {
  constructor(code) {
    this.code = code;
  }
}

const path = process.argv[2];
const args = process.argv.slice(2).map((text) => Buffer.from(text + "\0"));
let memory;

const view = () => new DataView(memory.buffer);
const bytes = (at, length) => new Uint8Array(memory.buffer, at, length);

function listGet(list, pointers, buffer) {
  for (const item of list) {
    view().setUint32(pointers, buffer, true);
    bytes(buffer, item.length).set(item);
    pointers += 4;
    buffer += item.length;
  }
  return ERRNO.SUCCESS;
}

function sizesGet(list, count, size) {
  view().setUint32(count, list.length, true);
  view().setUint32(size, list.reduce((sum, item) => sum + item.length, 0), true);
  return ERRNO.SUCCESS;
}

// Calls `transfer(bytes)` for each buffer of an iovec until one is transferred short.
function vectorsEach(vectors, count, out, transfer) {
  let total = 0;
  for (let i = 0; i < count; i++) {
    const at = view().getUint32(vectors + 8 * i, true);
    const length = view().getUint32(vectors + 8 * i + 4, true);
    const moved = length ? transfer(bytes(at, length)) : 0;
    total += moved;
    if (moved < length) break;
  }
  view().setUint32(out, total, true);
  return ERRNO.SUCCESS;
}

function writeAll(fd, buffer) {
  for (let at = 0; at < buffer.length; ) {
    try {
      at += writeSync(fd, buffer, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
  return buffer.length;
}

function readSome(fd, buffer) {
  for (;;) {
    try {
      return readSync(fd, buffer, 0, buffer.length, null);
    } catch (error) {
      if (error.code === "EOF") return 0;
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const wasi = {
  args_get: (pointers, buffer) => listGet(args, pointers, buffer),
  args_sizes_get: (count, size) => sizesGet(args, count, size),
  environ_get: (pointers, buffer) => listGet([], pointers, buffer),
  environ_sizes_get: (count, size) => sizesGet([], count, size),
  clock_res_get: (_clock, out) => (view().setBigUint64(out, 1n, true), ERRNO.SUCCESS),
  clock_time_get(clock, _precision, out) {
    const now = clock === 0 ? BigInt(Date.now()) * 1000000n : process.hrtime.bigint();
    view().setBigUint64(out, now, true);
    return ERRNO.SUCCESS;
  },
  random_get: (at, length) => (randomFillSync(bytes(at, length)), ERRNO.SUCCESS),
  fd_write(fd, vectors, count, out) {
    if (fd !== 1 && fd !== 2) return ERRNO.BADF;
    return vectorsEach(vectors, count, out, (buffer) => writeAll(fd, buffer));
  },
  fd_read(fd, vectors, count, out) {
    if (fd !== 0) return ERRNO.BADF;
    return vectorsEach(vectors, count, out, (buffer) => readSome(fd, buffer));
  },
  fd_close: () => ERRNO.SUCCESS,
  fd_seek: (fd) => (fd <= 2 ? ERRNO.SPIPE : ERRNO.BADF),
  fd_fdstat_get(fd, out) {
    if (fd > 2) return ERRNO.BADF;
    bytes(out, 24).fill(0);
    view().setUint8(out, 2); // a character device
    view().setBigUint64(out + 8, fd === 0 ? 2n : 64n, true); // rights: fd_read or fd_write
    return ERRNO.SUCCESS;
  },
  fd_prestat_get: () => ERRNO.BADF,
  fd_prestat_dir_name: () => ERRNO.BADF,
  proc_exit(code) {
    throw new Exit(code);
  },
};

// The host's side of bench/calls/guest.c: here each is a call from wasm to JavaScript.
const host = {
  nop: () => {},
  time_coarse: () => 0n,
  time_precise: () => process.hrtime.bigint(),
};

const known = { wasi_snapshot_preview1: wasi, tokamak_1: host };

function importsFor(module) {
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== "function") throw new Error(`import of a ${kind}: ${from}.${name}`);
    imports[from] ??= {};
    imports[from][name] = known[from]?.[name] ?? (() => ERRNO.NOSYS);
  }
  return imports;
}

const module = new WebAssembly.Module(readFileSync(path));
const instance = new WebAssembly.Instance(module, importsFor(module));
memory = instance.exports.memory;
try {
  instance.exports._start();
} catch (error) {
  if (!(error instanceof Exit)) throw error;
  process.exitCode = error.code;
}

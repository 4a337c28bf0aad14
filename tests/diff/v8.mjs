// Runs test scripts on the V8 of this node, and writes down what V8 did as the expectation.
//
//     node v8.mjs PLAN.json...
//
// A plan is a script in the form that `tokamak wast` reads, whose actions have no expectations
// yet, with the path of the script to be written in "write". Each "action" becomes assert_return,
// assert_trap or assert_exhaustion. A module may have three files instead of one:
//     "flagged": its exported global "nan seen" tells that arithmetic made a NaN; this one is run
//     "filename": used in the script written if it did, "filename_plain" if it did not
// "has_atomics": an access may be both unaligned and out of bounds, and the order isn't specified.
// One line for each plan goes to stdout: OK, or why there is no script.
import fs from 'node:fs';
import path from 'node:path';

const TEXTS = [ // V8's message, what the specification's test suite calls it; '': several kinds
  [/^unreachable/, 'unreachable'],
  [/^memory access out of bounds/, 'out of bounds memory access'],
  [/^(divide|remainder) by zero/, 'integer divide by zero'],
  [/^divide result unrepresentable/, 'integer overflow'],
  [/^float unrepresentable/, 'in'], // invalid conversion to integer, integer overflow
  [/^table index is out of bounds/, ''], // of call_indirect, or of table.get and table.set
  [/^null function or function signature mismatch/, ''],
  [/^table .*out of bounds|^element segment/, 'out of bounds table access'],
  [/unaligned/, 'unaligned atomic'],
  [/^Atomics\.wait cannot be called/, ''],
  [/^(array|data segment)/, 'out of bounds memory access'],
];

// ---- the smallest modules that pass every number's bits through memory, not through JavaScript ----

const CODE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b, funcref: 0x70, externref: 0x6f };
const NAMES = Object.fromEntries(Object.entries(CODE).map(([k, v]) => [v, k]));
const LOAD = { i32: [0x28, 2], i64: [0x29, 3], f32: [0x2a, 2], f64: [0x2b, 3], v128: [0xfd, 0, 4] };
const STORE = { i32: [0x36, 2], i64: [0x37, 3], f32: [0x38, 2], f64: [0x39, 3], v128: [0xfd, 11, 4] };
const isNumber = type => type in LOAD;

function uleb(n) {
  const out = [];
  do { out.push(n & 127 | (n > 127 ? 128 : 0)); n >>>= 7; } while (n);
  return out;
}
const vec = items => [...uleb(items.length), ...items.flat()];
const section = (id, body) => [id, ...uleb(body.length), ...body];

// Imports the function "m" "f" of this type and exports "memory" and "run": slot i is at 16 * i.
// References have tables of their own, "t0"..., in the order of params, then results.
const callers = new Map();
function callerModule({ params, results }) {
  const key = params.join() + '>' + results.join();
  if (callers.has(key)) return callers.get(key);
  const code = type => [CODE[type]];
  const refs = [...params, ...results].map((type, i) => ({ type, i })).filter(x => !isNumber(x.type));
  const tableOf = i => refs.findIndex(x => x.i === i);
  const body = [];
  params.forEach((type, i) => body.push(0x41, 0,
    ...(isNumber(type) ? [...LOAD[type], ...uleb(16 * i)] : [0x25, ...uleb(tableOf(i))])));
  body.push(0x10, 0);
  for (let i = results.length - 1; i >= 0; i--) body.push(0x21, ...uleb(i));
  results.forEach((type, i) => body.push(0x41, 0, 0x20, ...uleb(i),
    ...(isNumber(type) ? [...STORE[type], ...uleb(16 * i)] : [0x26, ...uleb(tableOf(params.length + i))])));
  body.push(0x0b);
  const func = [...vec(results.map(type => [1, CODE[type]])), ...body];
  const exported = [[1, 109, 2, 0], [1, 114, 0, 1],
    ...refs.map((_, i) => [...vec([...`t${i}`].map(c => [c.charCodeAt(0)])), 1, ...uleb(i)])];
  const bytes = [0, 97, 115, 109, 1, 0, 0, 0,
    ...section(1, vec([[0x60, 0, 0], [0x60, ...vec(params.map(code)), ...vec(results.map(code))]])),
    ...section(2, vec([[1, 109, 1, 102, 0, 1]])), ...section(3, vec([[0]])),
    ...(refs.length ? section(4, vec(refs.map(x => [CODE[x.type], 0, 1]))) : []),
    ...section(5, vec([[0, 1]])), ...section(7, vec(exported)),
    ...section(10, vec([[...uleb(func.length), ...func]]))];
  const made = { module: new WebAssembly.Module(new Uint8Array(bytes)), tableOf };
  callers.set(key, made);
  return made;
}

// ---- the types of what a module exports ----

function exportTypes(bytes) {
  let at = 8;
  const leb = () => {
    let value = 0, scale = 1, byte;
    do { byte = bytes[at++]; value += (byte & 127) * scale; scale *= 128; } while (byte & 128);
    return value;
  };
  const many = read => Array.from({ length: leb() }, read);
  const text = () => { const n = leb(); at += n; return bytes.toString('utf8', at - n, at); };
  const type = () => NAMES[bytes[at++]];
  const limits = () => { const flags = bytes[at++]; leb(); if (flags & 1) leb(); };
  const initializer = () => {
    for (let op; (op = bytes[at++]) !== 0x0b;) {
      if (op === 0x43) at += 4;
      else if (op === 0x44) at += 8;
      else if (op === 0xfd) at += 17;
      else leb();
    }
  };
  const types = [], funcs = [], globals = [], found = new Map();
  const readers = {
    1: () => many(() => { at++; types.push({ params: many(type), results: many(type) }); }),
    2: () => many(() => {
      text(); text();
      const kind = bytes[at++];
      if (kind === 0) funcs.push(types[leb()]);
      else if (kind === 3) { globals.push(type()); at++; } else { at += kind === 1; limits(); }
    }),
    3: () => many(() => funcs.push(types[leb()])),
    6: () => many(() => { globals.push(type()); at++; initializer(); }),
    7: () => many(() => {
      const name = text(), kind = bytes[at++], index = leb();
      found.set(name, kind === 0 ? funcs[index] : kind === 3 ? globals[index] : null);
    }),
  };
  while (at < bytes.length) {
    const id = bytes[at++], end = leb() + at;
    readers[id]?.();
    at = end;
  }
  return found;
}

// ---- values ----

const hosts = new Map(); // externref values: one object for each number
function host(number) {
  if (!hosts.has(number)) hosts.set(number, { number });
  return hosts.get(number);
}

function argumentPut(view, at, { type, value }) {
  if (type === 'v128') value.forEach((lane, i) => view.setUint32(at + 4 * i, Number(lane), true));
  else if (type === 'i32' || type === 'f32') view.setUint32(at, Number(value), true);
  else view.setBigUint64(at, BigInt(value), true);
}

function numberGet(view, at, type) {
  if (type === 'v128') {
    return { type, lane_type: 'i32', value: [0, 4, 8, 12].map(i => String(view.getUint32(at + i, true))) };
  }
  const isShort = type === 'i32' || type === 'f32';
  return { type, value: String(isShort ? view.getUint32(at, true) : view.getBigUint64(at, true)) };
}

function referenceGet(value, type) {
  if (value === null) return { type, value: 'null' };
  return type === 'externref' ? { type, value: String(value.number) } : { type };
}

// ---- scripts ----

class Script {
  constructor(plan, folder) {
    Object.assign(this, { plan, folder, named: new Map(), registered: new Map(), latest: undefined });
  }

  load(command) {
    const bytes = fs.readFileSync(path.join(this.folder, command.flagged ?? command.filename));
    const imports = Object.fromEntries([...this.registered].map(([as, i]) => [as, i.exports]));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    this.latest = { exports, types: exportTypes(bytes), callers: new Map() };
    if (command.name) this.named.set(command.name, this.latest);
    return command;
  }

  instance(name) {
    return name === undefined ? this.latest : this.named.get(name);
  }

  call(instance, field, args) {
    const type = instance.types.get(field);
    let caller = instance.callers.get(field);
    if (!caller) {
      const { module, tableOf } = callerModule(type);
      const { exports } = new WebAssembly.Instance(module, { m: { f: instance.exports[field] } });
      caller = { exports, tableOf, view: new DataView(exports.m.buffer) };
      instance.callers.set(field, caller);
    }
    const { exports, tableOf, view } = caller;
    args.forEach((arg, i) => {
      if (isNumber(arg.type)) argumentPut(view, 16 * i, arg);
      else exports[`t${tableOf(i)}`].set(0, arg.value === 'null' ? null : host(arg.value));
    });
    exports.r();
    return type.results.map((t, i) => isNumber(t) ? numberGet(view, 16 * i, t)
      : referenceGet(exports[`t${tableOf(type.params.length + i)}`].get(0), t));
  }

  get(instance, field) {
    const type = instance.types.get(field);
    if (!isNumber(type)) return [referenceGet(instance.exports[field].value, type)];
    return this.call(this.getter(instance, field, type), 'get', []);
  }

  // A module whose function "get" returns a global: v128 can't be read in JavaScript.
  getter(instance, field, type) {
    for (const mutable of [1, 0]) {
      const bytes = [0, 97, 115, 109, 1, 0, 0, 0, ...section(1, vec([[0x60, 0, 1, CODE[type]]])),
        ...section(2, vec([[1, 109, 1, 103, 3, CODE[type], mutable]])), ...section(3, vec([[0]])),
        ...section(7, vec([[3, 103, 101, 116, 0, 0]])), ...section(10, vec([[4, 0, 0x23, 0, 0x0b]]))];
      try {
        const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)),
          { m: { g: instance.exports[field] } });
        return { exports, types: new Map([['get', { params: [], results: [type] }]]), callers: new Map() };
      } catch (error) {
        if (!(error instanceof WebAssembly.LinkError)) throw error;
      }
    }
    throw new Error(`no global ${field}`);
  }

  act(command) {
    const { action, ...rest } = command;
    const instance = this.instance(action.module);
    try {
      const expected = action.type === 'get' ? this.get(instance, action.field)
        : this.call(instance, action.field, action.args);
      return { ...rest, type: 'assert_return', action, expected };
    } catch (error) {
      if (error instanceof RangeError && /call stack/i.test(error.message)) {
        return { ...rest, type: 'assert_exhaustion', action, text: 'call stack exhausted' };
      }
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      const known = TEXTS.find(([pattern]) => pattern.test(error.message));
      if (!known) throw new Error(`what V8 means by "${error.message}" isn't known`);
      const isOpen = this.plan.has_atomics && /^out of bounds memory|^unaligned/.test(known[1]);
      return { ...rest, type: 'assert_trap', action, text: isOpen ? '' : known[1] };
    }
  }

  // A module's file, once it is known whether there were NaNs.
  choose({ flagged, filename_plain, ...command }) {
    if (!flagged) return command;
    const seen = this.named.get(command.name).exports['nan seen'].value;
    return { ...command, filename: seen ? command.filename : filename_plain };
  }

  command(command) {
    if (command.type === 'module') return this.load(command);
    if (command.type === 'register') {
      this.registered.set(command.as, this.instance(command.name));
      return command;
    }
    return command.type === 'action' ? this.act(command) : command;
  }

  run() {
    return this.plan.commands.map(command => this.command(command))
      .map(command => command.type === 'module' ? this.choose(command) : command);
  }
}

for (const file of process.argv.slice(2)) {
  try {
    const plan = JSON.parse(fs.readFileSync(file, 'utf8'));
    const commands = new Script(plan, path.dirname(file)).run();
    commands.forEach((command, i) => { command.line = i + 1; });
    fs.writeFileSync(plan.write, `{"source_filename": ${JSON.stringify(path.basename(file))}, "commands": [\n${
      commands.map(command => JSON.stringify(command)).join(',\n')}\n]}\n`);
    console.log('OK');
  } catch (error) {
    console.log(String(error.message ?? error).replace(/\s+/g, ' '));
  }
}

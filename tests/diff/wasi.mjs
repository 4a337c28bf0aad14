// Runs a WASI program on the V8 of this node: node wasi.mjs FILE.wasm
// Exit status: the program's; 134 after a trap, as Tokamak has it; 250 if V8's stack was used up.
import fs from 'node:fs';
import { WASI } from 'node:wasi';

const wasi = new WASI({ version: 'preview1', args: ['prog.wasm'], returnOnExit: true });
const imports = wasi.getImportObject();
for (const functions of Object.values(imports)) {
  for (const [name, call] of Object.entries(functions)) {
    functions[name] = (...args) => call(...args); // passed as they are, they make node 20 abort
  }
}
const module = new WebAssembly.Module(fs.readFileSync(process.argv[2]));
try {
  process.exitCode = wasi.start(new WebAssembly.Instance(module, imports));
} catch (error) {
  process.exitCode = error instanceof WebAssembly.RuntimeError ? 134 : 250;
}

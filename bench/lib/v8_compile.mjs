// Compiles a module once: node FLAGS v8_compile.mjs FILE.wasm prints the CPU seconds of all threads
// that it took, and the peak memory of the process.

import { readFileSync } from "node:fs";

const bytes = readFileSync(process.argv[2]);
const before = process.cpuUsage();
const module = new WebAssembly.Module(bytes);
const took = process.cpuUsage(before);
const peak = process.resourceUsage().maxRSS * 1024;
const exports = WebAssembly.Module.exports(module).length; // a use, so that it lives until here
console.log(`CPU ${(took.user + took.system) / 1e6} RSS ${peak} EXPORTS ${exports}`);

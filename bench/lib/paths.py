"""Where things are. All that is made or fetched lies under build/: the tree stays clean."""

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
PROGRAMS = BENCH / "programs"
REAL = BENCH / "real"
CALLS = BENCH / "calls"
LIB = BENCH / "lib"
PEER_CODE = BENCH / "peers"
NOTES = BENCH / "notes.json"
ENGINE_DOC = ROOT / "docs" / "engine.md"

BUILD = ROOT / "build"
OUT = BUILD / "bench"
WASM = OUT / "wasm"
PEERS = BUILD / "peers"
NODE_MODULES = PEERS / "npm" / "node_modules"
VENV_PYTHON = PEERS / "venv" / "bin" / "python"
SOURCES = PEERS / "src"
TOKAMAK = BUILD / "tokamak"
RESULTS = BUILD / "bench.json"
SAMPLES = OUT / "samples.json"

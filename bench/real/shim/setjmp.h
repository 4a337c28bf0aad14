/*
 * Stands in for <setjmp.h>, which this wasi-libc lacks: Lua includes it, and as we build it never
 * jumps (see LUAI_TRY in bench/lib/programs.py).
 */

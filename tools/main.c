/*
 * tokamak: the command.
 */
#include <stdio.h>
#include <string.h>

#include "tools/tool.h"

static const char help[] =
    "usage: tokamak COMMAND [OPTIONS] FILE...\n"
    "\n"
    "  run [OPTIONS] FILE.wasm [ARGS...]     run a program here, as a part of this process\n"
    "      --invoke NAME                     call this export instead of _start; ARGS are its\n"
    "      --env NAME=VALUE                  the program's environment (repeatable)\n"
    "      --argv0 NAME                      what the program takes for its own name\n"
    "      --allow-precompiled               FILE may be an image made by 'tokamak compile'\n"
    "      --max-wasm-stack BYTES            of the program's call stack\n"
    "  compile FILE.wasm -o FILE.cwasm       compile into an image; -v: figures\n"
    "  wast [OPTIONS] FILE.json...           run test scripts; -v: each failure\n"
    "      --canaries                        watch the neighbourhood of each memory\n"
    "  objdump [OPTIONS] FILE.wasm           look into a module\n"
    "      --headers --wasm --code           sections, instructions, machine code\n"
    "      --ssa[=PASS] --mir                the compiler's own forms, after that pass\n"
    "      --func N|NAME                     only this function\n"
    "  help, version\n"
    "\n"
    "Where code is compiled:\n"
    "      --threads N                       compile on so many CPUs (all)\n"
    "      --list-passes                     the optimiser's passes\n"
    "      --engine-opt no-PASS              leave a pass out\n"
    "      --engine-opt cpu=LIST             for sse41, native, or features: avx,bmi1,...\n"
    "      --engine-opt dense                memories without guard, bounds checked in code\n"
    "      --engine-opt checked              the compiler checks itself\n"
    "      --engine-opt ra-shuffle=SEED      registers at random\n"
    "      --engine-opt unsafe-no-checks     no checks at all: to measure what they cost\n"
    "\n"
    "Exit codes: the program's; 134 after a trap, 1 when the file is refused, 2 for wrong usage.\n";

static int command_help(int argc, char **argv)
{
    (void)argc, (void)argv;
    (void)fputs(help, stdout);
    return 0;
}

static int command_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("tokamak, engine version %u%s\n", ENGINE_VERSION,
           TOKAMAK_CHECKS ? ", checks its own work" : "");
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", command_run},         {"compile", command_compile}, {"wast", command_wast},
    {"objdump", command_objdump}, {"help", command_help},       {"--help", command_help},
    {"-h", command_help},         {"version", command_version}, {"--version", command_version},
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fputs(help, stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, argv[1]) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return message_usage("no command is called '%s'", argv[1]);
}

# Tokamak's build: GNU make 4.3, clang and lld 19.
#
#   make              build/tokamak, the command
#   make kernel       build/tokamak.elf, the kernel that boots
#   make run          a demo; first installs what is missing, as do test, check, bench, fuzz
#   make test         unit tests, the WebAssembly suite, and the other suites of tests/
#   make test-long    the same in every variant and with every engine option
#   make check        formatting, lint, and the rules that a tool can hold us to
#   make bench        the benchmarks; bench-deps fetches what they compare with
#   make fuzz soak    for FUZZ_SECONDS (600) a target, for SOAK_SECONDS (3600)
#   make deps unit format install clean
#
# The idea: every top folder is a "part". A part sees only the headers that docs/design.md §11
# allows it: build/inc/PART/ holds links to just those, and is the part's only -I path, so a
# forbidden #include doesn't compile. Includes are written from the project's root
# (#include "engine/ssa/ssa.h"). Sources are found, not listed. NAME_test.c is a unit test,
# NAME_fuzz.c a fuzz target; neither goes into the product. All paths are relative: the clone
# may stand anywhere, also below a folder with a blank in its name.
#
#   VARIANT=release   build/            -O2
#   VARIANT=test      build/test/       -O2, the engine checks itself after each pass
#   VARIANT=asan      build/asan/       the same under AddressSanitizer and UBSan
#   VARIANT=tsan      build/tsan/       ThreadSanitizer
#   VARIANT=fuzz      build/fuzz/       libFuzzer, ASan, UBSan
#
#   T=engine/ssa      unit, fuzz, format: only what lies below that path
#   BUILD=DIR         build somewhere else than build/      V=1 shows the commands

VARIANT ?= release
BUILD   ?= build
PREFIX  ?= /usr/local
$(if $(filter release test asan tsan fuzz,$(VARIANT)),,$(error no VARIANT $(VARIANT)))
O       := $(BUILD)$(if $(filter-out release,$(VARIANT)),/$(VARIANT))

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -rR --no-print-directory -j$(shell nproc) $(if $(filter check,$(MAKECMDGOALS)),-k)
endif
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
Q := $(if $(V),,@)

# ---- what each part may include; the order is the order of linking -------------------------

PARTS := base abi engine kernel isa kern host tools x86

DIR_base   := base
DIR_abi    := abi
DIR_engine := engine
DIR_kernel := kernel
DIR_isa    := arch/isa/x86_64
DIR_kern   := arch/linux/kern
DIR_host   := arch/linux/host
DIR_tools  := tools
DIR_x86    := arch/x86_64

MAY_base   := base
MAY_abi    := abi
MAY_engine := base engine
MAY_kernel := base abi kernel engine/engine.h engine/traps.def engine/helpers.def
MAY_isa    := base abi kernel/arch.h arch/isa
MAY_kern   := base kernel/arch.h arch/isa arch/linux/kern arch/linux/host.h arch/linux/hosted.h
MAY_host   := base arch/linux/host arch/linux/host.h arch/linux/hosted.h
MAY_x86    := base kernel/arch.h arch/isa arch/x86_64
MAY_tools  := base abi engine/engine.h engine/traps.def kernel/embed.h arch/linux/hosted.h tools

# Only these two see a libc, and unit tests do.
LIBC_PARTS := host tools

# ---- flags ---------------------------------------------------------------------------------

CC := clang-19

WARN := -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual \
        -Wdouble-promotion -Wimplicit-fallthrough -Wswitch-enum -Werror
CONVERSION_DIRS := abi/% kernel/call/% engine/wasm/%

SANITIZE_asan := -fsanitize=address,undefined
SANITIZE_tsan := -fsanitize=thread
SANITIZE_fuzz := -fsanitize=fuzzer-no-link,address,undefined
SANITIZE := $(SANITIZE_$(VARIANT))
ifdef SANITIZE
# -fsanitize=function reads the words before a callee: compiled guest code has none.
SANITIZE += -fno-sanitize=function -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

OPTIMIZE := $(if $(SANITIZE),-O1,-O2) -g
CHECKS   := -DTOKAMAK_CHECKS=$(if $(filter test asan fuzz,$(VARIANT)),1,0)
CFLAGS   := -std=c23 $(OPTIMIZE) $(SANITIZE) $(CHECKS) $(WARN)
LDFLAGS  := -fuse-ld=lld -g $(SANITIZE)
LDLIBS   := -lcapstone -lpthread -lm

# Without a libc: only the compiler's own headers and base/freestanding/. Not -ffreestanding, which
# would turn the smallest memcpy into a call.
FREESTANDING := -nostdlibinc -isystem base/freestanding

# The kernel's functions run on a guest's stack; where that is used up, their caller is found
# through rbp.
FRAMED := -fno-omit-frame-pointer -momit-leaf-frame-pointer

# flags PART,SOURCE
flags = $(if $(filter $1,$(LIBC_PARTS))$(filter %_test.c %_fuzz.c,$2),,$(FREESTANDING)) \
        $(if $(filter kernel,$1),$(FRAMED)) \
        $(if $(filter $(CONVERSION_DIRS),$(filter-out %_test.c,$2)),-Wconversion) -I$(BUILD)/inc/$1

say = $(if $(V),,@printf '  %-5s %s\n' $1 $2)

# ---- sources -> objects --------------------------------------------------------------------

# The kernel that boots, from the same sources: code model, and no vector registers in what may
# interrupt code that uses them. string.c is what loops would otherwise become calls of.
BARE := -mcmodel=kernel -fno-pic -fno-omit-frame-pointer -fno-asynchronous-unwind-tables
BARE_x86 := -mgeneral-regs-only -mno-red-zone
BARE_isa := -mgeneral-regs-only
bare = $(BARE) $(BARE_$1) $(if $(filter %/string.c,$2),-ffreestanding)

find = $(foreach e,$2,$(wildcard $1/*.$e $1/*/*.$e $1/*/*/*.$e))
objects = $(patsubst %,$O/obj/%.o,$1)

$(foreach p,$(PARTS),$(eval ALL_$p := $(call find,$(DIR_$p),c S)))
$(foreach p,$(PARTS),$(eval OBJ_$p := $(call objects,$(filter-out %_test.c %_fuzz.c,$(ALL_$p)))))

# What only boots isn't in the command, and the other way round.
BARE_PARTS := base abi engine kernel isa x86
BARE_OBJECTS := $(foreach p,$(BARE_PARTS),$(patsubst $O/obj/%,$O/bare/%,$(OBJ_$p)))

SOURCES  := $(foreach p,$(PARTS),$(ALL_$p))
OBJECTS  := $(foreach p,$(filter-out x86,$(PARTS)),$(OBJ_$p))
UNITS    := $(patsubst %.c,$O/unit/%,$(filter $(T)%,$(filter %_test.c,$(SOURCES))))
FUZZERS  := $(patsubst %.c,$O/fuzzer/%,$(filter $(T)%,$(filter %_fuzz.c,$(SOURCES))))
INCLUDES := $(BUILD)/inc/made

# Goals that a fresh clone starts with look first whether everything they need is installed.
ifneq ($(filter run test test-long check bench fuzz soak,$(MAKECMDGOALS)),)
FIRST := deps
endif

# The include farm. Made aside and then moved, so that a compile in another terminal survives it.
$(INCLUDES): Makefile
	$(Q)rm -rf $(BUILD)/inc.new
	$(Q)mkdir -p $(foreach p,$(PARTS),$(foreach m,$(MAY_$p),$(BUILD)/inc.new/$p/$(dir $m)))
	$(Q)$(foreach p,$(PARTS),$(foreach m,$(MAY_$p),ln -sr $m $(BUILD)/inc.new/$p/$m;))
	$(Q)rm -rf $(BUILD)/inc && mv $(BUILD)/inc.new $(BUILD)/inc && touch $@

# One compile rule and one unit test rule for each part.
define part_rules
$O/obj/$(DIR_$1)/%.o: $(DIR_$1)/% Makefile $(INCLUDES) | $(FIRST)
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$(Q)$(CC) $(CFLAGS) $$(call flags,$1,$$<) -MMD -MP -c -o $$@ $$<

$O/bare/$(DIR_$1)/%.o: $(DIR_$1)/% Makefile $(INCLUDES) | $(FIRST)
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$(Q)$(CC) $(CFLAGS) $$(call flags,$1,$$<) $$(call bare,$1,$$<) -MMD -MP -c -o $$@ $$<

# --start-lib: what the test doesn't use isn't linked, so a test of a leaf stays a leaf.
$O/unit/$(DIR_$1)/%: $O/obj/$(DIR_$1)/%.c.o $(foreach p,$(LINK_$1),$$(OBJ_$p))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$< -Wl,--start-lib $$(filter-out $$<,$$^) -Wl,--end-lib -lcmocka $(LDLIBS)

$O/fuzzer/$(DIR_$1)/%: $O/obj/$(DIR_$1)/%.c.o $(foreach p,$(LINK_$1),$$(OBJ_$p))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $$@ $$< -Wl,--start-lib $$(filter-out $$<,$$^) -Wl,--end-lib $(LDLIBS)
endef

# What a unit test of a part is linked with: what the part may include, and behind arch.h all.
HOSTED      := base abi engine kernel isa kern host
LINK_base   := base
LINK_abi    := abi
LINK_engine := engine base
LINK_kernel := $(HOSTED)
LINK_isa    := $(HOSTED)
LINK_kern   := $(HOSTED)
LINK_host   := $(HOSTED)
LINK_tools  := tools $(HOSTED)
LINK_x86    := base

$(foreach p,$(PARTS),$(eval $(call part_rules,$p)))

$O/tokamak: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Linked twice: the table of symbols is made from the first, and stands behind the code.
BUILTINS = $(shell $(CC) --print-libgcc-file-name --rtlib=compiler-rt)
link_bare = ld.lld-19 --no-pie -z noexecstack -z max-page-size=4096 -T arch/x86_64/link.ld

$O/tokamak.elf: $(BARE_OBJECTS) arch/x86_64/link.ld arch/x86_64/symbols.py
	$(call say,LINK,$@)
	$(Q)arch/x86_64/symbols.py > $O/bare/symbols.S && $(CC) -c -o $O/bare/symbols.o $O/bare/symbols.S
	$(Q)$(link_bare) -o $@.first $(BARE_OBJECTS) $O/bare/symbols.o $(BUILTINS)
	$(Q)arch/x86_64/symbols.py $@.first > $O/bare/symbols.S && $(CC) -c -o $O/bare/symbols.o $O/bare/symbols.S
	$(Q)$(link_bare) -o $@ $(BARE_OBJECTS) $O/bare/symbols.o $(BUILTINS)

-include $(BARE_OBJECTS:.o=.d)
-include $(patsubst %,$O/obj/%.d,$(SOURCES))

# ---- what `make check` makes: a stamp for each file that is as it should be ------------------

HERE    := $(foreach d,abi base engine kernel arch tools bench tests programs,$(call find,$d,c h))
FORMATS := $(patsubst %,$(BUILD)/check/%.format,$(HERE))
TIDIES  := $(patsubst %,$(BUILD)/check/%.tidy,$(filter %.c,$(SOURCES)))

$(BUILD)/check/%.format: % .clang-format | $(FIRST)
	@mkdir -p $(@D)
	$(Q)clang-format-19 $< | cmp -s - $< || { echo "$<: not formatted: make format T=$<"; exit 1; }
	@touch $@

# After the object file, which knows the headers: a changed header is looked at again.
define tidy_rule
$(BUILD)/check/$(DIR_$1)/%.c.tidy: $O/obj/$(DIR_$1)/%.c.o .clang-tidy
	@mkdir -p $$(@D)
	$$(call say,TIDY,$(DIR_$1)/$$*.c)
	$(Q)clang-tidy-19 --quiet $(DIR_$1)/$$*.c -- -std=c23 $(CHECKS) $$(call flags,$1,$$*.c) 2>$$@.err || \
	    { cat $$@.err; exit 1; }
	@touch $$@
endef
$(foreach p,$(PARTS),$(eval $(call tidy_rule,$p)))

# ---- guest programs ------------------------------------------------------------------------

# A sysroot of two links: below / clang would take what wasi-libc lacks from the host's headers.
# Compiled and linked apart: linking with -O would run whatever wasm-opt is in PATH.
$(BUILD)/sysroot:
	$(Q)mkdir -p $@/include $@/lib
	$(Q)ln -sfn /usr/include/wasm32-wasi $@/include/wasm32-wasi
	$(Q)ln -sfn /usr/lib/wasm32-wasi $@/lib/wasm32-wasi

$(BUILD)/programs/demo.wasm: programs/demo/demo.c Makefile | $(FIRST) $(BUILD)/sysroot
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(CC) --target=wasm32-wasi --sysroot=$(BUILD)/sysroot -O2 -Wall -Wextra -Werror -c -o $@.o $<
	$(Q)$(CC) --target=wasm32-wasi --sysroot=$(BUILD)/sysroot -o $@ $@.o

$(BUILD)/programs/hello.wasm: programs/hello/hello.c Makefile | $(FIRST)
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(CC) --target=wasm32 -nostdlib -O2 -Wall -Wextra -Werror -Wl,--no-entry -o $@ $<

# ---- goals ---------------------------------------------------------------------------------

FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 3600
# Where the tests find the command's builds: tests/run.py.
TEST_ENV := BUILD=$(BUILD) TOKAMAK_CHECKED=$(BUILD)/test/tokamak

.PHONY: all kernel help deps run unit unit-build test test-long check lint format bench bench-deps fuzz fuzz-run \
        soak install clean

all: $O/tokamak
kernel: $O/tokamak.elf

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

deps:
	$(Q)scripts/deps.sh

run: all $(BUILD)/programs/demo.wasm
	$(Q)$O/tokamak run $(BUILD)/programs/demo.wasm

# The names of the programs stand in a file: there may be more than a command line takes.
unit-build: $(UNITS)
	@mkdir -p $O/unit
	@printf '%s\n' $(UNITS) > $O/unit/list

unit: unit-build
	$(Q)tests/run.py --unit @$O/unit/list

test: deps
	$(Q)$(MAKE) VARIANT=release all kernel $(BUILD)/programs/demo.wasm $(BUILD)/programs/hello.wasm
	$(Q)$(MAKE) VARIANT=test all unit-build
	$(Q)$(TEST_ENV) tests/run.py --unit @$(BUILD)/test/unit/list --tokamak $(BUILD)/tokamak

test-long: deps
	$(Q)$(MAKE) VARIANT=release all kernel $(BUILD)/programs/demo.wasm $(BUILD)/programs/hello.wasm
	$(Q)$(MAKE) VARIANT=test all unit-build
	$(Q)$(MAKE) VARIANT=asan all unit-build
	$(Q)$(MAKE) VARIANT=tsan all
	$(Q)$(TEST_ENV) TOKAMAK_ASAN=$(BUILD)/asan/tokamak TOKAMAK_TSAN=$(BUILD)/tsan/tokamak \
	    tests/run.py --long --unit @$(BUILD)/test/unit/list @$(BUILD)/asan/unit/list --tokamak $(BUILD)/tokamak

check: $(FORMATS) $(TIDIES) lint

lint: $(OBJ_engine)
	$(Q)scripts/lint.py --stateless $(OBJ_engine)
	$(Q)scripts/calls.py docs | cmp -s - docs/calls.md || { echo 'docs/calls.md isn'"'"'t what scripts/calls.py docs prints'; exit 1; }

# Rewrites the sources (below T=) as `make check` wants them.
format:
	$(Q)clang-format-19 -i $(filter $(T)%,$(HERE))

bench: all kernel $(BUILD)/programs/hello.wasm
	$(Q)python3 bench/run.py

bench-deps:
	$(Q)bench/deps.sh

fuzz: deps
	$(Q)$(MAKE) VARIANT=fuzz fuzz-run

fuzz-run: $(FUZZERS)
	$(Q)BUILD=$(BUILD) scripts/fuzz.sh $(FUZZ_SECONDS) $(FUZZERS)

soak: deps
	$(Q)$(MAKE) VARIANT=release all
	$(Q)$(MAKE) VARIANT=test all
	$(Q)$(TEST_ENV) tests/diff/run --soak=$(SOAK_SECONDS) $(BUILD)/tokamak

install: all
	$(Q)install -D $O/tokamak "$(DESTDIR)$(PREFIX)/bin/tokamak"

# All but what bench-deps fetched.
clean:
	$(Q)[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 ! -name peers -exec rm -rf {} +

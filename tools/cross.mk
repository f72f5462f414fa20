# Programs for other systems, from Linux, with zig as the cross compiler (clang, musl, mingw-w64 and
# macOS's stubs in one package): python3 -m pip install ziglang==0.15.1.  Linux programs are static;
# Windows programs need nothing beside the system (winpthreads is inside); macOS programs need
# macOS 11.  Each is build/cross/SYSTEM/nomul, on Windows nomul.exe.

ZIG ?= python3 -m ziglang
# What nothing calls is left out, and clang unrolls the loops of the kernels only: 9 KB and 8 KB of
# the Windows program.
CROSS_FLAGS ?= -O2 -ffunction-sections -fdata-sections -fno-unroll-loops

CROSS := x86_64-linux aarch64-linux x86_64-windows aarch64-windows x86_64-macos aarch64-macos
# Only tested, under qemu-user: tools/check_systems.sh.
CROSS_MORE := riscv64-linux x86-linux arm-linux

cross_target = $(patsubst %-macos,%-macos.11.0,$(patsubst %-windows,%-windows-gnu,\
               $(patsubst arm-linux-musl,arm-linux-musleabihf,$(patsubst %-linux,%-linux-musl,$1))))
# Windows aligns the stack to 16 bytes only, see tools/check_objects.sh; a program keeps the CRT's.
cross_link = -s -Wl,--gc-sections $(if $(findstring linux,$1),-static) \
             $(if $(findstring windows,$1),-lbcrypt -lshell32 -ladvapi32)

cross: $(CROSS:%=cross-%) ## programs for Linux, Windows, macOS on x86_64 and aarch64; needs zig
$(addprefix cross-,$(CROSS) $(CROSS_MORE)): cross-%: ## make cross-aarch64-windows: one of them
	$(Q)$(MAKE) --no-print-directory MODE=release BUILD=$(BUILD)/cross/$* AR='$(ZIG) ar' \
	    CC='$(ZIG) cc -target $(call cross_target,$*)' CFLAGS='$(CROSS_FLAGS)' SMALL=-Oz \
	    UNROLL=-funroll-loops \
	    LDFLAGS='$(call cross_link,$*)' $(BUILD)/cross/$*/nomul
	$(if $(findstring windows,$*),$(Q)cp $(BUILD)/cross/$*/nomul $(BUILD)/cross/$*/nomul.exe)

release-all: cross ## archives of these programs: build/nomul-VERSION-SYSTEM.tar.gz or .zip
	$(Q)set -e; for system in $(CROSS); do \
	    program=$(BUILD)/cross/$$system/nomul; \
	    case $$system in *windows) program=$$program.exe ;; esac; \
	    sh tools/release.sh program '$(VERSION)' '$(BUILD)' "$$program" "$$system"; \
	done

# Unit tests for Windows: all but those that use POSIX themselves (fork, signals, links, modes,
# limits) or make system calls fail, which is done to os_posix.c, or need __cpu_model, which zig
# lacks.
NOT_WINDOWS   := <(unistd|sys/|dirent|fcntl|signal|pthread|poll)
NOT_WINDOWS   := $(NOT_WINDOWS)|"(faults|guard|hf_directory)\.h"|__builtin_cpu_
WINDOWS_TESTS = $(filter-out held_out_part,$(patsubst tests/test_%.c,%,$(shell grep -LE \
                '$(NOT_WINDOWS)' tests/test_*.c)))
WINDOWS := $(BUILD)/cross/x86_64-windows
cross-windows-tests: ## unit tests for Windows, and of its console: tests.exe, events.exe
	@mkdir -p $(WINDOWS)
	@grep -xE 'TEST(_TRIALS)?\(($(subst $(space),|,$(strip $(WINDOWS_TESTS))))\)' tests/tests.def > \
	    $(WINDOWS)/tests.def
	$(Q)$(MAKE) --no-print-directory MODE=debug BUILD=$(WINDOWS) AR='$(ZIG) ar' \
	    CC='$(ZIG) cc -target x86_64-windows-gnu' LDFLAGS='$(call cross_link,windows)' \
	    CFLAGS='$(CROSS_FLAGS) -DTESTS_DEF=\"$(abspath $(WINDOWS))/tests.def\"' \
	    NOT_TESTED=%/main.o $(WINDOWS)/obj-debug/tests/tests \
	    TEST_SRC='$(WINDOWS_TESTS:%=tests/test_%.c) tests/test.c tests/alloc.c $(TEST_TOOLS)'
	$(Q)cp $(WINDOWS)/obj-debug/tests/tests $(WINDOWS)/tests.exe
	$(Q)$(ZIG) cc -target x86_64-windows-gnu -municode -std=c11 $(WARN) -O1 -s \
	    -o $(WINDOWS)/events.exe tests/windows/events.c
TEST_TOOLS := tests/checkpoints.c tests/screen.c tests/vocabulary.c
space := $(subst ,, )

# The shared library, which shows what nomul.h declares, and an example that is linked to it.
cross-windows-dll: cross-x86_64-windows ## nomul.dll, nomul.lib in build/cross/x86_64-windows
	@{ echo EXPORTS; grep -oE '\bnomul_[a-z0-9_]+\(' include/nomul.h | tr -d '(' | sort -u; } > \
	    $(WINDOWS)/nomul.def
	$(Q)$(ZIG) cc -target x86_64-windows-gnu -shared -s -o $(WINDOWS)/nomul.dll \
	    -Wl,--whole-archive $(WINDOWS)/libnomul.a -Wl,--no-whole-archive $(WINDOWS)/nomul.def \
	    -Wl,--out-implib,$(abspath $(WINDOWS))/nomul.lib $(filter -l%,$(call cross_link,windows))
	$(Q)$(ZIG) cc -target x86_64-windows-gnu -std=c11 $(WARN) -O2 -s -Iinclude \
	    -o $(WINDOWS)/continue.exe tests/examples/continue.c $(WINDOWS)/nomul.lib

.PHONY: cross release-all cross-windows-dll cross-windows-tests \
        $(addprefix cross-,$(CROSS) $(CROSS_MORE))

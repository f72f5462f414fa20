# nomul: `make` builds build/nomul, `make help` lists what else there is.
#
# Variables for users: CC, CFLAGS, LDFLAGS, PREFIX, DESTDIR, BUILD (the folder of everything built),
# HARDEN=0 (without the flags that make mistakes harder to exploit), RUN (put in front of built
# programs, e.g. qemu-aarch64), WERROR=1, V=1 (prints every command).  For developers: MODE, one of
# release debug asan tsan msan fuzz coverage, each with its own folder.

CC      ?= cc
AR      ?= ar
CFLAGS  ?= $(OPTIMIZE)
CLANG    = $(if $(filter clang%,$(CC)),$(CC),clang)
PREFIX  ?= /usr/local
BUILD   ?= build
MODE    ?= release
SECONDS ?= 20
HARDEN  ?= 1
VERSION := $(shell sed -n 's/^.define NOMUL_VERSION "\(.*\)"/\1/p' include/nomul.h)

# MODE=debug, which the tests use, compiles with -O1 and line numbers only: two thirds of the time
# of -O2 -g, and it runs as fast.  The kernels keep -O2: the tests spend their time in their loops.
# For a debugger: make MODE=debug CFLAGS='-O0 -g'.
OPTIMIZE = $(if $(filter debug,$(MODE)),$(if $(filter src/kernels/%,$<),-O2,-O1),-O2)

comma := ,
Q    := $(if $(V),,@)
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow $(if $(WERROR),-Werror)
SAN  := -g -fno-omit-frame-pointer -fno-sanitize-recover=all

FLAGS_release := -DNDEBUG -ffile-prefix-map=$(CURDIR)=.
FLAGS_debug   := -g1
FLAGS_asan    := $(SAN) -fsanitize=address,undefined
FLAGS_tsan    := $(SAN) -fsanitize=thread
FLAGS_msan    := $(SAN) -fsanitize=memory \
                 $(addprefix -Wl$(comma)--wrap=,stat lstat fstat stat64 lstat64 fstat64) \
                 -Wno-unused-command-line-argument
FLAGS_coverage := --coverage -fprofile-update=prefer-atomic
FLAGS_fuzz    := $(SAN) -fsanitize=fuzzer-no-link,address,undefined

# Hardening, where the compiler has it: all of these flags if a program builds with them, else those
# with which one builds.  Sanitizers have their own checks; _FORTIFY_SOURCE needs optimization, and
# a static program gets no -pie.  Costs nothing measurable: .github/SECURITY.md.
HARD_CFLAGS  := -fstack-protector-strong -D_FORTIFY_SOURCE=3
HARD_LDFLAGS := -pie -Wl,-z,relro,-z,now
ifeq ($(HARDEN)$(filter release debug,$(MODE)),1$(MODE))
HARD_FLAGS := $(shell \
    has() { printf '\043include <string.h>\nint main(void) { return 0; }\n' | \
        $(CC) -O1 -U_FORTIFY_SOURCE "$$@" -Werror -fPIC -x c - -o /dev/null 2> /dev/null; }; \
    case $$($(CC) -dumpmachine 2> /dev/null) in \
        (x86_64*linux*) cpu=-fcf-protection ;; \
        (aarch64*) cpu=-mbranch-protection=standard ;; esac; \
    set -- $(HARD_CFLAGS) $$cpu $(HARD_LDFLAGS); \
    if has "$$@"; then echo "$$@"; else for f; do if has $$f; then echo $$f; fi; done; fi)
endif
OPTIMIZED = $(filter-out -O0,$(filter -O%,$(CFLAGS)))
HARD_C    = $(filter -f% -m%,$(HARD_FLAGS)) \
            $(if $(OPTIMIZED),$(addprefix -U_FORTIFY_SOURCE ,$(filter -D%,$(HARD_FLAGS))))
HARD_LINK = $(filter -Wl%,$(HARD_FLAGS))
HARD_PIE  = $(if $(filter -static%,$(LDFLAGS)),,$(filter -pie,$(HARD_FLAGS)))

# -fPIC and hidden symbols: libnomul.a can become a part of a shared library that shows nomul_*
# only.
FLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L -ffp-contract=off $(WARN) -Iinclude -Isrc -pthread \
        -fPIC -fvisibility=hidden $(FLAGS_$(MODE)) $(HARD_C) $(CFLAGS)
# gcc warns where it links -flto in one job that could be several.
LTO   = $(if $(filter -flto,$(CFLAGS)),-flto=auto)
LINK  = $(Q)$(CC) $(FLAGS) $(LTO) $(HARD_PIE) $(HARD_LINK) $(LDFLAGS) -o $@ \
         $(filter %.o,$^) $(filter %.a,$^) -lm $(LIBS)

OUT  := $(BUILD)/obj-$(MODE)
PROG := $(if $(filter release,$(MODE)),$(BUILD),$(OUT))

LIB_SRC  := $(filter-out src/cli/% src/train/% src/web/%,$(wildcard src/*.c src/*/*.c))
CLI_SRC  := $(wildcard src/cli/*.c src/cli/*/*.c)
TEST_SRC := $(wildcard tests/*.c)
# Of the trainer's *_none.c, *_mpi.c, *_nccl.c: those that MPI=1, and NCCL=1 with CUDA=1, ask for.
TRAIN_SRC := $(filter-out $(if $(filter 1,$(MPI)),%/ranks_none.c,%_mpi.c) \
             $(if $(filter 11,$(CUDA)$(NCCL)),%/gpu_sum_none.c,%_nccl.c),$(wildcard src/train/*.c))
EXAMPLES := $(patsubst tests/examples/%.c,%,$(wildcard tests/examples/*.c))
FUZZERS  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(OUT)/%.o) $(if $(filter msan,$(MODE)),$(OUT)/tests/msan/stat.o)
CLI_OBJ  := $(CLI_SRC:%.c=$(OUT)/%.o)
TEST_OBJ := $(TEST_SRC:%.c=$(OUT)/%.o)
PTY_OBJ  := $(OUT)/tests/cli/pty.o $(OUT)/tests/screen.o
TRAIN_OBJ := $(TRAIN_SRC:%.c=$(OUT)/%.o)
WEB_C    := $(wildcard src/web/*.c)
WEB_OBJ  := $(WEB_C:%.c=$(OUT)/%.o)
MORE_OBJ := $(OUT)/tests/cli/pty.o $(TRAIN_OBJ) $(OUT)/src/train/ranks_mpi.o \
            $(OUT)/tests/train/train_tests.o $(WEB_OBJ) \
            $(OUT)/tests/simulated/shares.o \
            $(EXAMPLES:%=$(OUT)/tests/examples/%.o) $(FUZZERS:%=$(OUT)/tests/fuzz/%.o)

# What check builds (a fuzz target that only reads its corpus is called replay_NAME; of
# the page, that its C compiles), and the parts that it runs side by side, the longest first.
CHECKED := $(PROG)/nomul $(PROG)/libnomul.so \
           $(patsubst %,$(OUT)/tests/%,tests pty shares $(EXAMPLES) $(FUZZERS:fuzz_%=replay_%)) $(WEB_OBJ)
UNITS   := $(shell sed -n 's/^TEST\(_TRIALS\)*(\(.*\))/\2/p' tests/tests.def)
CASES   := $(filter-out run,$(patsubst tests/cli/%.sh,%,$(wildcard tests/cli/*.sh)))
PARTS   := unit.ternary cli.batch $(filter-out cli.batch,$(CASES:%=cli.%)) \
           $(filter-out unit.ternary,$(UNITS:%=unit.%)) $(FUZZERS:fuzz_%=corpus.%) \
           includes includes-rules calls calls-rules style style-rules symbols example quoted \
           fast-math
# As many jobs as CPUs, unless -j says how many.
JOBS     = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2> /dev/null || echo 2))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: FORCE all demo check test test-long debug asan tsan msan coverage golden renew \
        check-no-mul check-prefetch train install-train uninstall-train check-train checked-train \
        check-cuda checked-cuda fuzz checked fuzzers long install uninstall check-install dist release check-release analyze format \
        check-format clean help

all: $(PROG)/nomul $(PROG)/libnomul.a ## build/nomul and build/libnomul.a (the default)

# A stamp file is written only when its text changes: new flags, those of some objects only included,
# rebuild the objects; a source that was removed rebuilds the library.  INCLUDE counts where the
# command line sets it: otherwise it is that of the object which asked first.
stamp = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$1)' | cmp -s - $@ || \
        printf '%s\n' '$(subst ','\'',$1)' > $@
$(OUT)/flags: FORCE
	$(call stamp,$(CC) $(FLAGS) $(SMALL) $(UNROLL) $(if $(filter command,$(origin INCLUDE)),$(INCLUDE)) \
	    $(FAST:$(OUT)/%=%) $(HARD_LINK) $(HARD_PIE) $(LDFLAGS))
$(OUT)/sources: FORCE
	$(call stamp,$(LIB_SRC) $(CLI_SRC) $(TEST_SRC))

# -MT: the same objects, whether BUILD is a relative or an absolute path.
$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	@$(if $(V),,echo '  CC $<')
	$(Q)$(CC) $(FLAGS) $(INCLUDE) -MMD -MP -MT '$$(OUT)/$*.o' -c -o $@ $<
$(OUT)/tests/%.o: INCLUDE = -Itests
# Fast is what every token, text or weight passes through, but where only calls of it do (forward,
# layer, strips, session, pool, sampler, tokenizer, logprobs) or small is as fast (matcher,
# quantize).  The rest waits for people, disks and these, and is small: 60 KB of the program.
SMALL_TOKENS := $(addprefix tokens/,cut.o tokenizer.o decoder.o logprobs.o matcher.o sampler.o \
                vocab.o word.o)
FAST = $(addprefix $(OUT)/src/,kernels/ternary_% kernels/float_% kernels/product.o kernels/read.o \
       $(addprefix base/,exp.o rng.o utf8.o xxh64.o) model/bitlinear.o \
       $(filter-out $(SMALL_TOKENS),$(patsubst src/%.c,%.o,$(wildcard src/tokens/*.c))))
SMALL ?= -Os
$(filter-out $(FAST),$(LIB_OBJ) $(CLI_OBJ)): INCLUDE = \
    $(if $(and $(OPTIMIZED),$(filter release,$(MODE))),$(SMALL))
$(filter $(FAST),$(filter $(OUT)/src/kernels/%,$(LIB_OBJ))): INCLUDE = $(UNROLL)
COMMIT := $(shell git rev-parse --short HEAD 2> /dev/null || echo unknown)
$(OUT)/commit: FORCE
	$(call stamp,$(COMMIT))
$(OUT)/src/cli/bench/bench_result.o: INCLUDE = -DNOMUL_COMMIT='"$(COMMIT)"'
$(OUT)/src/cli/bench/bench_result.o: $(OUT)/commit

$(PROG)/libnomul.a: $(LIB_OBJ) $(OUT)/sources
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(LIB_OBJ)
$(PROG)/nomul: $(CLI_OBJ) $(PROG)/libnomul.a
	$(LINK)
# tests/faults.c has its own os_posix.c, tests/faults_cli.c its own output.c.
NOT_TESTED := %/main.o %/output.o
$(OUT)/tests/tests: $(TEST_OBJ) $(filter-out $(NOT_TESTED),$(CLI_OBJ)) \
                    $(PROG)/libnomul.a
	$(LINK)
$(OUT)/tests/pty: $(PTY_OBJ) $(PROG)/libnomul.a
	$(LINK)
# A token of threads that are simulated, to count their instructions: tools/count_shares.sh.
$(OUT)/tests/shares: $(OUT)/tests/simulated/shares.o $(PROG)/libnomul.a
	$(LINK)
# The shared library: all of the archive.  Before 1.0.0 every version may change the interface, so
# the soname is that of the major version; tests/check.sh looks at its symbols and sections.
SONAME = -Wl,-soname,libnomul.so.$(firstword $(subst ., ,$(VERSION)))
WHOLE  = -Wl,--whole-archive $< -Wl,--no-whole-archive
ifeq ($(shell uname),Darwin)
SONAME = -Wl,-install_name,$(PREFIX)/lib/libnomul.so
WHOLE  = -Wl,-force_load,$<
endif
$(PROG)/libnomul.so: $(PROG)/libnomul.a
	$(Q)$(CC) $(FLAGS) $(LTO) $(HARD_LINK) $(filter-out -static%,$(LDFLAGS)) -shared $(SONAME) -o $@ \
	    $(WHOLE) -lm
$(EXAMPLES:%=$(OUT)/tests/%): $(OUT)/tests/%: $(OUT)/tests/examples/%.o $(PROG)/libnomul.a
	$(LINK)
# With the tests' allocator, whose blocks are exactly as long as they were asked for: a sanitizer
# then sees a read past the end of any of them.
FUZZ_ALLOC = $(OUT)/tests/alloc.o
$(OUT)/tests/replay_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/tests/fuzz/replay.o $(FUZZ_ALLOC) \
                       $(PROG)/libnomul.a
	$(LINK)
$(OUT)/tests/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(FUZZ_ALLOC) $(PROG)/libnomul.a
	$(LINK) -fsanitize=fuzzer
$(OUT)/tests/replay_batch_line $(OUT)/tests/fuzz_batch_line: $(filter-out %/main.o,$(CLI_OBJ))

# The trainer, a program of its own.  Its loops become vectors by the compiler, at -O3.  With CUDA=1
# and nvcc it can use a GPU, with NCCL=1 too several; CUDA_ARCH is nvcc's -arch.  With MPI=1 it can
# be several processes; MPICC is Open MPI's compiler, which is asked for its flags.
NVCC      ?= $(firstword $(wildcard /usr/local/cuda/bin/nvcc) nvcc)
CUDA_ARCH ?= sm_90
MPICC     ?= mpicc
MPI_LIBS   = $(shell $(MPICC) --showme:link)
TRAIN_LIBS := $(if $(filter 1,$(MPI)),$(MPI_LIBS))
ifeq ($(CUDA),1)
TRAIN_OBJ := $(filter-out %/cuda_none.o,$(TRAIN_OBJ)) $(OUT)/src/train/cuda.cu.o
CUDA_HOME := $(patsubst %/bin/nvcc,%,$(NVCC))
TRAIN_LIBS += -L$(CUDA_HOME)/lib64 -Wl,-rpath,$(CUDA_HOME)/lib64 -lcublas -lcudart -lstdc++ \
              $(if $(filter 1,$(NCCL)),-lnccl)
endif
$(PROG)/nomul-train $(OUT)/tests/train/%_tests: LIBS = $(TRAIN_LIBS)
$(OUT)/src/train/gpu_sum_nccl.o: INCLUDE = -isystem $(CUDA_HOME)/include
$(OUT)/src/train/ranks_mpi.o: INCLUDE = \
    $(patsubst -I%,-isystem %,$(filter -I%,$(shell $(MPICC) --showme:compile)))
$(OUT)/src/train/cuda.cu.o $(OUT)/tests/train/cuda_grads.cu.o: $(OUT)/%.o: % src/train/cuda.cu \
        $(wildcard src/train/*.cuh) $(addprefix src/train/,cuda.h gpu_sum.h step.h) include/nomul.h
	@mkdir -p $(@D)
	@$(if $(V),,echo '  NVCC $<')
	$(Q)$(NVCC) -std=c++17 -O3 -ftz=true -arch=$(CUDA_ARCH) -Iinclude -Isrc -Xcompiler -Wall,-Wextra,-fPIC \
	    -c -o $@ $<
train: $(PROG)/nomul-train ## build/nomul-train, the trainer: src/train/README.md
$(OUT)/src/train/gradients_%.o: INCLUDE = -O3 -fno-math-errno
$(PROG)/nomul-train: $(TRAIN_OBJ) $(PROG)/libnomul.a $(OUT)/train-flags
	$(LINK)
$(OUT)/train-flags: FORCE
	$(call stamp,$(TRAIN_OBJ:$(OUT)/%=%) $(TRAIN_LIBS))
# For the tests of ranks: the trainer as MPI=1 builds it.
HAS_MPI = $(and $(shell $(MPICC) --showme:version 2> /dev/null),$(shell command -v mpirun 2> /dev/null))
$(PROG)/nomul-train-mpi: LIBS = $(MPI_LIBS)
$(PROG)/nomul-train-mpi: $(OUT)/src/train/ranks_mpi.o $(PROG)/libnomul.a \
                         $(filter-out %/ranks_none.o %/ranks_mpi.o,$(TRAIN_OBJ))
	$(LINK)
$(PROG)/share/nomul-train.1: $(PROG)/nomul-train tools/man_train.awk
	@mkdir -p $(@D)
	$(Q)$(RUN) $< --help | awk $(ABOUT) -f tools/man_train.awk > $@
install-train: train $(PROG)/share/nomul-train.1 ## the trainer and its manual page, as install
	@PART=train VERSION=$(VERSION) sh tools/install.sh install '$(PROG)' '$(PREFIX)' '$(DESTDIR)'
uninstall-train: ## removes exactly what install-train put there
	@PART=train VERSION=$(VERSION) sh tools/install.sh uninstall '$(PROG)' '$(PREFIX)' '$(DESTDIR)'
check-train: ## the tests of the trainer
	@$(MAKE) --no-print-directory $(JOBS) MODE=debug checked-train
checked-train: $(OUT)/tests/train/train_tests $(PROG)/nomul-train $(PROG)/nomul \
               $(PROG)/share/nomul-train.1 $(if $(HAS_MPI),$(PROG)/nomul-train-mpi)
	$(Q)$(RUN) $(OUT)/tests/train/train_tests
	$(Q)$(if $(HAS_MPI),sh tests/train/mpi.sh $(PROG)/nomul-train-mpi,\
	    echo 'SKIP mpi.sh: there is no Open MPI')
	$(Q)sh tests/train/cli.sh $(PROG)
check-cuda: ## the GPU of the trainer against the CPU; needs nvcc, and a GPU to run
	@$(MAKE) --no-print-directory $(JOBS) CUDA=1 BUILD=$(BUILD)/cuda checked-cuda \
	    NCCL=$(if $(wildcard $(patsubst %/bin/nvcc,%,$(NVCC))/include/nccl.h /usr/include/nccl.h),1) \
	    MPI=$(if $(HAS_MPI),1)
checked-cuda: $(OUT)/tests/train/cuda_tests $(PROG)/nomul-train
	$(Q)$(if $(filter 1,$(NCCL)),sh tests/train/gpus.sh $(PROG)/nomul-train,\
	    echo 'SKIP gpus.sh: there is no NCCL')
	$(Q)$(OUT)/tests/train/cuda_tests
$(OUT)/tests/train/cuda_tests: $(addprefix $(OUT)/tests/train/,cuda_tests.o cuda_grads.cu.o) \
    $(filter-out %/train_main.o %/cuda.cu.o,$(TRAIN_OBJ)) $(PROG)/libnomul.a
	$(LINK)
$(OUT)/tests/train/train_tests: $(OUT)/tests/train/train_tests.o \
                                $(filter-out %/train_main.o,$(TRAIN_OBJ)) $(PROG)/libnomul.a
	$(LINK)

demo: all ## a story from the shipped model, the same one every time
	$(RUN) $(PROG)/nomul run -p "Once upon a time" -n 200 -s 2

check: ## all tests that a C compiler and make can run, in half a minute; TIMES=1 lists their times
	@$(MAKE) --no-print-directory $(JOBS) MODE=debug checked
debug asan tsan: ## check with symbols; under AddressSanitizer and UBSan; under ThreadSanitizer
	@$(MAKE) --no-print-directory $(JOBS) MODE=$@ checked
msan: ## check under MemorySanitizer, which finds the use of uninitialized memory; needs clang
	@$(MAKE) --no-print-directory $(JOBS) MODE=msan CC=$(CLANG) CFLAGS=-O1 checked
coverage: ## lines and branches that check runs, by folder; FILES=1 lists files; needs gcc
	@find $(BUILD)/obj-coverage -name '*.gcda' -exec rm {} + 2> /dev/null || true
	@mkdir -p $(BUILD)/obj-coverage
	@$(MAKE) --no-print-directory $(JOBS) MODE=coverage CFLAGS=-O1 checked > \
	    $(BUILD)/obj-coverage/check.log || echo "tests failed: see $(BUILD)/obj-coverage/check.log"
	@sh tools/coverage.sh $(BUILD)/obj-coverage $(FILES)
golden: ## renews the expected outputs of the tests and shows what changed
	@$(MAKE) --no-print-directory $(JOBS) MODE=debug renew
renew: $(CHECKED)
	@sh tests/golden.sh $(OUT)
checked: $(PARTS:%=$(OUT)/tests/logs/%)
	@TIMES='$(TIMES)' sh tests/check.sh $(OUT) sum
$(OUT)/tests/logs/begin: $(CHECKED) FORCE
	@sh tests/check.sh $(OUT) begin
$(OUT)/tests/logs/%: $(OUT)/tests/logs/begin
	@RUN='$(RUN)' CC='$(CC)' sh tests/check.sh $(OUT) part $*
test: ## check by gcc and clang, -O0 and -O3, asan, tsan; the same bits from all of them
	@MAKE='$(MAKE)' BUILD='$(BUILD)' sh tests/all.sh
test-long: ## the tests that take minutes: the whole held-out text, killed savers, a million tokens
	@$(MAKE) --no-print-directory MODE=debug long
long: $(OUT)/tests/tests
	$(RUN) $(OUT)/tests/tests --long

check-prefetch: ## disassembles the look-ahead of gcc and clang: its prefetches are there
	@[ "$$(uname -m)" = x86_64 ] || { echo "SKIP check-prefetch: not x86-64"; exit 0; }; \
	for cc in gcc clang; do \
	    if ! command -v $$cc > /dev/null; then echo "SKIP $$cc: not there"; continue; fi; \
	    $(MAKE) --no-print-directory MODE=release CC=$$cc BUILD=$(BUILD)/no-mul-$$cc all \
	        > /dev/null && \
	    sh tools/check_prefetch.sh $(BUILD)/no-mul-$$cc/obj-release/src/model/bitlinear.o || exit 1; \
	done

check-no-mul: ## disassembles the ternary kernels of gcc and clang: not one multiplication
	@sh tools/check_no_mul.sh --self-test
	@for cc in gcc clang; do \
	    if ! command -v $$cc > /dev/null; then echo "SKIP $$cc: not there"; continue; fi; \
	    $(MAKE) --no-print-directory MODE=release CC=$$cc BUILD=$(BUILD)/no-mul-$$cc all \
	        > /dev/null && \
	    sh tools/check_no_mul.sh $(BUILD)/no-mul-$$cc/obj-release/src/kernels/ternary_*.o || exit 1; \
	done

fuzz: ## every fuzz target for SECONDS=20 each; needs clang
	@$(MAKE) --no-print-directory MODE=fuzz CC=$(CLANG) fuzzers
fuzzers: $(FUZZERS:%=$(OUT)/tests/%)
	@sh tests/fuzz/run.sh $(OUT)/tests $(BUILD)/fuzz $(SECONDS)

# Manual pages and completions are made from the program's tables of options and from the header.
MADE := $(addprefix $(PROG)/share/,nomul.1 nomul.3 nomul.bash _nomul nomul.fish)
# Their date is that of the version in the changelog, so that they are the same whenever they are made.
CHANGES = .github/CHANGELOG.md
ABOUT = -v version=$(VERSION) -v date=$(shell sed -n 's/^## $(VERSION), \([-0-9]*\).*/\1/p' $(CHANGES))
TABLES = $(RUN) $(PROG)/nomul help --tables | awk $(ABOUT)
$(MADE): $(PROG)/nomul include/nomul.h $(CHANGES) tools/man.awk tools/man_api.awk tools/complete.awk
	@mkdir -p $(@D)
	$(Q)case $(@F) in \
	    nomul.1) $(TABLES) -f tools/man.awk ;; \
	    nomul.3) awk $(ABOUT) -f tools/man_api.awk include/nomul.h ;; \
	    nomul.bash) $(TABLES) -v shell=bash -f tools/complete.awk ;; \
	    _nomul) $(TABLES) -v shell=zsh -f tools/complete.awk ;; \
	    nomul.fish) $(TABLES) -v shell=fish -f tools/complete.awk ;; \
	esac > $@

install: all $(PROG)/libnomul.so $(MADE) ## into DESTDIR and PREFIX=/usr/local, all of it
	@VERSION=$(VERSION) sh tools/install.sh install '$(PROG)' '$(PREFIX)' '$(DESTDIR)'
uninstall: ## removes exactly what install put there
	@VERSION=$(VERSION) sh tools/install.sh uninstall '$(PROG)' '$(PREFIX)' '$(DESTDIR)'
check-install: all $(PROG)/libnomul.so $(MADE) ## installs into a folder and uses all of it there
	@MAKE='$(MAKE)' CC='$(CC)' sh tools/check_install.sh '$(BUILD)'

dist: ## build/nomul-VERSION.tar.gz, the sources, which build without git
	@sh tools/release.sh sources '$(VERSION)' '$(BUILD)'
release: all ## build/nomul-VERSION-SYSTEM.tar.gz, for this machine: program, model, README
	@sh tools/release.sh program '$(VERSION)' '$(BUILD)' $(PROG)/nomul \
	    "$$($(CC) -dumpmachine | sed 's/-.*//')-$$(uname -s | tr A-Z a-z)"
check-release: ## the sources build without git, two builds elsewhere are the same bytes
	@MAKE='$(MAKE)' sh tools/check_release.sh '$(BUILD)'
analyze: ## gcc -fanalyzer, clang-tidy and cppcheck: all clean, or explained beside the code
	@JOBS='$(shell nproc 2> /dev/null || echo 2)' sh tools/analyze.sh '$(BUILD)/analyze'

format: ## formats all sources; needs clang-format 14
	@sh tools/format.sh
check-format: ## names the files that make format would change
	@sh tools/format.sh --check
compile_commands.json: FORCE ## for editors and language servers
	@MAKE='$(MAKE)' sh tools/compile_commands.sh > $@
clean: ## removes build/
	rm -rf $(BUILD)
include tools/cross.mk tools/web.mk tools/rtl.mk
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z_. -]*:.*## / {printf "make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

FORCE:
-include $(wildcard $(patsubst %.o,%.d,$(LIB_OBJ) $(CLI_OBJ) $(TEST_OBJ) $(MORE_OBJ)))

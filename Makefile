# Thin calls: meson builds, tools/ and tests/ do the work. `make help` lists the targets.
#
# BUILD is the folder of the usual build; sanitizers and fuzzers have folders of their own.

SHELL := /bin/bash
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
SUITES ?=
ASAN_DIR ?= $(BUILD)-asan
TSAN_DIR ?= $(BUILD)-tsan
FUZZ_DIR ?= $(BUILD)-fuzz
FUZZ_SECONDS ?= 20
ENGINE ?= native
OUTPUT ?= .
ASAN_TARGETS ?=

export ASAN_OPTIONS ?= detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1:halt_on_error=1
export CCACHE_SLOPPINESS ?= pch_defines,time_macros

# Line tables are enough for a stack trace; whole debug information costs a fifth of the time.
meson_setup = meson setup --prefix=$(PREFIX) -Dcpp_args=-g1
# Containers of other users take root; without it their tests say so and fail.
as_root = $(if $(filter-out 0,$(shell id -u)),$(if $(shell command -v sudo),sudo -E))
meson_test = meson test --no-rebuild --print-errorlogs --num-processes=$(JOBS)
suites = $(foreach suite,$(SUITES),--suite $(suite))

.PHONY: all run test system compat clients asan tsan fuzz vm tidy format install package bench
.PHONY: clean help

all: | deps-build $(BUILD)/build.ninja  ## build everything
	@ninja -C $(BUILD) -j $(JOBS)

run: all  ## a cluster on this machine, one job through it, its output (KEEP=1 keeps the cluster)
	@tools/dev-cluster demo $(if $(KEEP),--keep) $(BUILD)

test: | deps-test all  ## all tests, as root through sudo (SUITES="base sched" for some)
	@$(as_root) $(meson_test) -C $(BUILD) $(suites); status=$$?; \
	  $(if $(as_root),sudo chown -R $$(id -u):$$(id -g) $(BUILD);) exit $$status

asan: | deps-test  ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@[ -e $(ASAN_DIR)/build.ninja ] || $(meson_setup) -Ddebug=true -Doptimization=1 \
	  -Db_sanitize=address,undefined -Db_lundef=false $(ASAN_DIR)
	@ninja -C $(ASAN_DIR) -j $(JOBS) $(ASAN_TARGETS)
	@$(meson_test) -C $(ASAN_DIR) --timeout-multiplier=3 $(suites)

tsan: | deps-test  ## tests of what has threads, under ThreadSanitizer
	@[ -e $(TSAN_DIR)/build.ninja ] || $(meson_setup) -Ddebug=true -Doptimization=1 \
	  -Db_sanitize=thread -Db_lundef=false $(TSAN_DIR)
	@ninja -C $(TSAN_DIR) -j $(JOBS)
	@$(meson_test) -C $(TSAN_DIR) --timeout-multiplier=3 \
	  $(if $(SUITES),$(suites),--suite base --suite proto --suite store --suite controller)

system: | deps-test all  ## whole clusters as root: SYSTEM="test_batch test_steps" ENGINE=crun
	@$(as_root) env GD_BUILD=$(abspath $(BUILD)) GD_TEST_ENGINE=$(ENGINE) tests/system/run $(SYSTEM)

compat: | deps-test deps-bench all  ## the same command lines to real Slurm and to gd, as root
	@$(as_root) env GD_BUILD=$(abspath $(BUILD)) tests/compat/compat.py

clients: | deps-test deps-clients all  ## snakemake, parallel, mpirun, dnf and others, unchanged
	@$(as_root) env GD_BUILD=$(abspath $(BUILD)) tests/system/run real_clients real_mpi real_rpm

fuzz: | deps-ci  ## each fuzz target on its corpus, then FUZZ_SECONDS of new inputs
	@[ -e $(FUZZ_DIR)/build.ninja ] || CXX=clang++-14 $(meson_setup) -Ddebug=true \
	  -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false -Dfuzzers=true $(FUZZ_DIR)
	@ninja -C $(FUZZ_DIR) -j $(JOBS) fuzzers
	@tests/fuzz/run.sh $(FUZZ_DIR) $(FUZZ_SECONDS)

vm: | deps-vm all  ## the installed services in a guest with systemd and cgroup v2 only
	@tests/vm/run.sh $(BUILD)

tidy: | deps-build deps-ci  ## the rules of the tree, and clang-tidy
	@python3 tests/tidy_test.py
	@tools/clang-tidy.sh $(BUILD)

format:  ## clang-format over the C++ sources
	@git ls-files '*.h' '*.cc' | xargs clang-format-14 -i

install: all  ## under DESTDIR and PREFIX
	@meson configure $(BUILD) --prefix=$(PREFIX) && \
	  DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet

package: all  ## a Debian package: OUTPUT/gd_VERSION_ARCHITECTURE.deb
	@tools/deps.sh package
	@tools/package.sh $(BUILD) $(OUTPUT)

bench: all  ## figures beside Slurm, as root, medians of rounds (BENCH="--only run_true")
	@tools/deps.sh bench
	@$(as_root) env GD_BUILD=$(abspath $(BUILD)) python3 bench/bench.py $(BENCH)

clean:  ## remove the build folders
	@rm -rf $(BUILD) $(ASAN_DIR) $(TSAN_DIR) $(FUZZ_DIR)

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

.PHONY: deps-build deps-test deps-ci deps-bench deps-clients deps-vm
deps-build: ; @tools/deps.sh build
deps-test: ; @tools/deps.sh build test
deps-ci: ; @tools/deps.sh build test ci
deps-bench: ; @tools/deps.sh bench
deps-clients: ; @tools/deps.sh clients
deps-vm: ; @tools/deps.sh build vm

$(BUILD)/build.ninja: | deps-build
	@$(meson_setup) $(BUILD)

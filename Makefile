# Drover. `make help` lists the targets.
#
# Every module is built with exactly what its own go.mod requires, and go.work is for editors: docs/decisions/modules.md.
export GOWORK := off
export GOTOOLCHAIN := local
export CGO_ENABLED ?= 0

MODULES := . protocol/plugin hub agent agent/plugins/sops test/testenv test
# In which order make test takes them: what takes longest first.
SLOW_FIRST := hub agent test test/testenv $(filter-out hub agent test test/testenv,$(MODULES))
VERSION ?= $(shell git describe --tags --match 'v[0-9]*' --always --dirty 2>/dev/null)
COMMIT := $(shell git rev-parse HEAD 2>/dev/null)
DATE := $(shell TZ=UTC git log -1 --date=iso-strict-local --format=%cd 2>/dev/null)
PKG := github.com/drover-dev/drover/internal/version
LDFLAGS := -s -w -X $(PKG).release=$(VERSION) -X $(PKG).commit=$(COMMIT) -X $(PKG).date=$(DATE)
BIN := $(CURDIR)/bin
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.0
BASE ?= main
IMAGE ?= drover-agent:$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help build deps test test-env test-node test-upgrade race race-pure demo soak bench waves lint golangci tidy generate image release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build drover, drover-helm-worker, what runs renderer plugins, drover-agent, the plugin host, the plugins and drover-simulate into bin/
	@mkdir -p $(BIN)/plugins
	cd hub && go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/drover ./cmd/drover
	cd hub && go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/drover-helm-worker ./cmd/drover-helm-worker
	cd hub && go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/drover-renderers ./cmd/drover-renderers
	cd hub && go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/drover-plugin-command ./cmd/drover-plugin-command
	cd agent && go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/drover-agent ./cmd/drover-agent
	cd agent && go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/drover-plugins ./cmd/drover-plugins
	cd agent && go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/drover-simulate ./cmd/drover-simulate
	cd agent/plugins/sops && go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/plugins/drover-plugin-sops ./cmd/drover-plugin-sops

deps: ## install what the tests need from Debian's or Ubuntu's packages (asks apt; needs root)
	@sh .ci/deps

test-env: ## build the control plane that tests run against, once, with progress (8 minutes on two cores)
	cd test/testenv && go run ./cmd/testenv build

test: build test-env ## everything: unit, integration against real parts, system scripts over the real binaries
	@DROVER_BIN=$(BIN) .ci/test $(SLOW_FIRST)
	@echo "Not part of this: the DaemonSet on real nodes, which needs root and containerd. Run make test-node; .ci/run does where it can."

test-node: build ## the DaemonSet on two real nodes: kubelet, containerd, kube-proxy (needs root; installs what it needs)
	@sh .ci/deps node
	cd test && DROVER_TEST_NODE=1 DROVER_BIN=$(BIN) go test -count=1 -v -timeout 30m ./node

test-upgrade: build test-env ## from the last release to this one and back, with the programs of both (RUN=NAME: one walk)
	cd test && DROVER_TEST_UPGRADE=1 DROVER_BIN=$(BIN) go test -count=1 -v -timeout 30m $(if $(RUN),-run '$(RUN)') ./upgrade

race: build test-env ## the same under the race detector, one package at a time; prints which modules ran and how long they took
	@CGO_ENABLED=1 FLAGS='-race -p 1 -timeout 60m' DROVER_BIN=$(BIN) .ci/test $(SLOW_FIRST)

# The packages of the agent whose tests need no control plane.
AGENT_PURE := ./access ./actor ./app ./apply ./assess ./blobs ./board ./budget ./checks ./contents ./credential \
	./drift ./fetch ./guard ./heal ./hook ./hookrun ./input ./inventory ./mailbox ./move ./nats ./orders ./orphans \
	./outcome ./owned ./pass ./place ./plan ./planning ./prune ./relation ./report ./retry ./saving ./sight ./status \
	./upgrade ./watch

# The packages of the hub that start no other programs; `make race` has them all.
HUB_PURE := ./api ./backup ./bolt ./credentials ./envsubst ./fetch ./ignore ./layout/... ./manifest ./memtree ./model \
	./nats/files ./nats/identity ./nats/keyring ./nats/limits ./nats/streams ./oci ./release ./resolve ./trail ./rollouts/... \
	./serving ./epoch ./brake ./lane ./prometheus ./people ./audit ./webhook ./webmetric ./jsonpath \
	./naming ./declared ./batch ./git/revert ./metrics ./kustomize/wire ./nats/servers ./nats/store

race-pure: ## the race detector where no control plane is needed: the wire, the rules, the libraries, parts of agent and hub
	CGO_ENABLED=1 go test -race -timeout 20m ./...
	@echo "== agent"; cd agent && CGO_ENABLED=1 go test -race -timeout 20m $(AGENT_PURE)
	@echo "== hub"; cd hub && CGO_ENABLED=1 go test -race -timeout 20m $(HUB_PURE)

demo: build ## three real clusters, a hub and their agents, in front of your eyes (ONCE=1: verify every step, then end)
	cd test && go build -o $(BIN)/demo ./cmd/demo
	$(BIN)/demo -bin $(BIN) $(if $(ONCE),-once)

soak: build test-env ## random commits, slips, edits and kills; every delete is judged (SOAK_FOR=3m, SEED=N, SOAK_FLAGS=…)
	cd test && go build -o $(BIN)/soak ./cmd/soak
	$(BIN)/soak -bin $(BIN) -for $(or $(SOAK_FOR),10m) $(if $(SEED),-seed $(SEED)) $(SOAK_FLAGS)

bench: build test-env ## measure against the limits, in one run (OUT=FILE keeps the result)
	cd test && go build -o $(BIN)/bench ./cmd/bench
	$(BIN)/bench -bin $(BIN) $(if $(OUT),-out $(OUT))

waves: build ## ten thousand simulated agents, a policy with waves, a hub that is killed: what must hold of rollouts (AGENTS=N)
	cd test && DROVER_BIN=$(BIN) go test -count=1 -v -timeout 60m ./waves -args -agents $(or $(AGENTS),10000)

lint: ## gofmt, vet, staticcheck, errcheck, ineffassign, actionlint; unused and funlen are in staticcheck and test/house
	@sh .ci/lint/run $(MODULES)

golangci: ## golangci-lint over what this branch adds to main (BASE=origin/main); it is built from source if it is not in PATH
	@tool=$$(command -v golangci-lint || echo 'go run $(GOLANGCI)'); base=$$(git merge-base HEAD $(BASE)) || exit 1; \
	for m in $(MODULES); do echo "== $$m"; (cd $$m && $$tool run --new-from-rev $$base ./...) || exit 1; done

tidy: ## tidy every module by itself
	@for m in $(MODULES) .ci/lint; do echo "== $$m"; (cd $$m && go mod tidy) || exit 1; done

generate: build ## write the files under deploy/ and docs/ that follow from the code
	cd hub && go run ./cmd/generate -root $(CURDIR) -bin $(BIN)

image: build ## the agent's image as a tar for `ctr images import` or `docker load`; no engine needed
	cd test && go run ./cmd/image -bin $(BIN)/drover-agent -with drover-plugins,plugins/drover-plugin-sops -name $(IMAGE) -out $(BIN)/drover-agent.tar

release: ## check, build into dist/ and tag a version; push nothing (VERSION=v0.2.0; REHEARSE=1 or ONLY=linux/amd64: no tags); see docs/releasing.md
	cd test && go run ./cmd/release -root $(CURDIR) -version '$(VERSION)' -out $(CURDIR)/dist $(if $(REHEARSE),-rehearse) $(if $(ONLY),-only $(ONLY))

clean: ## remove bin/ (the control plane's cache stays: `go run ./cmd/testenv path` says where)
	rm -rf $(BIN) dist

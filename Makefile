# groupd. `make help` lists the targets.
SHELL := /bin/bash
TAGS  := sqlite_fts5
GO    := go
VENV  := .venv
FUZZTIME ?= 30s

# Packages that talk to live Python peers run without the race detector and last.
INTEROP  := ./internal/interop/...
PACKAGES  = $(shell $(GO) list ./... | grep -v /internal/interop)

.PHONY: help run build test unit interop screens full race vet lint vuln fuzz mutants mutants-few bench bench-groups bench-peers proto smoke soak python-pins clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: ## serve a group with the embedded defaults; nothing to edit
	$(GO) run -tags $(TAGS) ./cmd/groupd run

build: ## bin/groupd
	$(GO) build -tags $(TAGS) -o bin/ ./cmd/...

test: vet unit mutants-few smoke interop ## everything up to and including live Python peers (under 15 minutes on 2 cores)
	@echo "make test: all passed"

unit: ## our own tests, with the race detector
	$(GO) test -race -tags $(TAGS) -timeout 12m $(PACKAGES)

race: unit ## the same: all but the interop runs under the race detector

interop: $(VENV)/pins.txt ## tests with live Python peers from PyPI (installed into .venv)
	./internal/interop/tools.sh build/readers
	GROUPD_PYTHON=$(CURDIR)/$(VENV)/bin/python GROUPD_READERS=$(CURDIR)/build/readers/node_modules $(GO) test -tags $(TAGS) -count=1 -timeout 12m $(INTEROP)

screens: $(VENV)/pins.txt ## docs/screens anew: what NomadNet shows of a group's pages
	./internal/interop/tools.sh build/readers
	GROUPD_SCREENS=write GROUPD_PYTHON=$(CURDIR)/$(VENV)/bin/python $(GO) test -tags $(TAGS) -count=1 -run '^TestNomadNetShowsTheGroup$$' ./internal/interop

$(VENV)/pins.txt: internal/interop/requirements.txt internal/interop/venv.sh
	./internal/interop/venv.sh $(VENV)
	@touch $@

full: test lint mutants fuzz soak ## what takes longer: lint, fuzzing, power cuts, long simulations

soak: ## power cuts at 100 random points and the long simulations
	GROUPD_SOAK=1 $(GO) test -tags "$(TAGS) soak" -count=1 -timeout 60m -run 'Soak|PowerCut' ./...

vet: ## go vet, and the libraries for the 32 bits of older Pis
	$(GO) vet -tags "$(TAGS) soak" ./...
	CGO_ENABLED=0 GOARCH=arm $(GO) build ./rns/... ./lxmf/... ./group/... ./moderation/... ./api/... ./proto/...

lint: ## staticcheck
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags "$(TAGS) soak" ./...

vuln: ## known vulnerabilities in what we depend on
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -tags $(TAGS) ./...

MUTANT_SEED ?= $(shell date +%s)

mutants: ## invert 100 single rules of moderation, chosen by MUTANT_SEED, and see that the tests notice (about a minute)
	$(GO) run ./internal/mutants -n 100 -seed $(MUTANT_SEED)

mutants-few: ## the same with 10
	$(GO) run ./internal/mutants -n 10 -seed $(MUTANT_SEED)

fuzz: ## each decoder's fuzz target for FUZZTIME (30s)
	./internal/fuzz.sh $(FUZZTIME) $(TAGS)

bench: ## benchmarks
	$(GO) test -tags $(TAGS) -run '^$$' -bench . -benchmem -timeout 30m ./...

bench-groups: ## a server with 50 groups: start, idle memory, how one group's flood touches the others (4 minutes)
	$(GO) test -tags $(TAGS) -run '^$$' -bench FiftyGroups -benchtime 1x -v -timeout 15m ./bench

bench-peers: $(VENV)/pins.txt ## nodes of ours beside the Python reference: CPU time per item, memory, start (under 10 minutes)
	$(GO) build -o build/bench-peer ./bench/peer
	$(GO) run ./bench/compare -peer build/bench-peer -python $(VENV)/bin/python

proto: ## regenerate the protobuf code; fails when the checked-in code was stale
	$(GO) run ./internal/protogen
	git diff --exit-code -- proto

smoke: ## boot the built server with its embedded defaults and stop it
	$(GO) test -tags $(TAGS) -count=1 -run '^TestSmoke' ./cmd/groupd

python-pins: ## look up the newest Python peers and write their hashes
	python3 -m venv build/pins && build/pins/bin/pip install -q pip-tools
	cd internal/interop && ../../build/pins/bin/pip-compile -q --upgrade --generate-hashes --strip-extras --no-header \
	  --no-emit-find-links --no-emit-index-url --no-emit-trusted-host -o requirements.txt requirements.in

clean: ## remove what was built
	rm -rf bin build $(VENV)

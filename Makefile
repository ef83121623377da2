# Quorate's everyday commands. `make` alone explains them.

DEV_DIR  ?= var/dev
# The whole of `make test` stays under ten minutes on two cores: the end-to-end
# tests start real processes, so few of them run at once.
TEST_TIMEOUT ?= 10m
FUZZTIME ?= 20s

# Test data that isn't part of the repository (EPP's schemas, sample frames).
QUORATE_SHARED ?= $(abspath $(CURDIR)/../shared)
export QUORATE_SHARED

BINARY := bin/quorate

.DEFAULT_GOAL := help
.PHONY: help build run stop test lint fast race e2e fuzz bench clean

help:
	@echo 'Quorate, a registry in three sites. Start here:'
	@echo
	@echo '  make run          build, then run three sites on this machine; Ctrl-C stops them'
	@echo '  make run DETACH=1 the same in the background; make stop ends it'
	@echo '  make run DEV_DIR=/tmp/q PORTS=17000   with data and ports elsewhere'
	@echo
	@echo 'While you change things:'
	@echo
	@echo '  make build        the binary, $(BINARY)'
	@echo '  make lint         gofmt, go vet, staticcheck'
	@echo '  make fast         unit and property tests, not the end-to-end ones'
	@echo '  make e2e          the end-to-end tests: three processes, killed under load'
	@echo '  make test         all of these: what must pass before a change is done (under 10 minutes)'
	@echo '  make race         the unit tests under the race detector'
	@echo '  make fuzz         each parser of outside bytes, FUZZTIME=$(FUZZTIME) each'
	@echo '  make bench        round trips and rates through the front doors, against a cluster of its own'
	@echo '  make clean        remove bin/ and the data in $(DEV_DIR)'

build:
	@mkdir -p bin
	go build -trimpath -o $(BINARY) .

run: build
	@exec $(BINARY) dev --dir '$(DEV_DIR)' $(if $(DETACH),--detach) $(if $(PORTS),--ports $(PORTS)) $(if $(SITES),--sites $(SITES))

stop:
	@test -x $(BINARY) || { echo 'nothing to stop: $(BINARY) is not built'; exit 0; }; \
	$(BINARY) dev stop --dir '$(DEV_DIR)'

lint:
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	test -z "$$unformatted" || { echo "gofmt -w these:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...

fast:
	go test -timeout $(TEST_TIMEOUT) $$(go list ./... | grep -v /chaos/e2e)

race:
	go test -race -timeout $(TEST_TIMEOUT) $$(go list ./... | grep -v /chaos/e2e)

e2e:
	go test -timeout $(TEST_TIMEOUT) ./chaos/e2e

test: lint fast e2e

# go test takes one fuzz target at a time.
fuzz:
	@set -e; for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

bench: build
	@exec $(BINARY) bench $(BENCH)

clean: stop
	rm -rf bin '$(DEV_DIR)'

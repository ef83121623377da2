# Quorate's everyday commands. `make` alone explains them.

DEV_DIR      ?= var/dev
# For one package's tests. All of `make test` takes under ten minutes on two cores.
TEST_TIMEOUT ?= 5m
FUZZTIME     ?= 20s
KILLS        ?= 300
DNS_NAMES    ?= 100000
SOAK         ?= 10m
# What make sim runs: this many seeds, from this one on.
SEEDS        ?= 1000
SEED         ?= 1

# Test data that isn't part of the repository (EPP's schemas, sample frames).
QUORATE_SHARED ?= $(abspath $(CURDIR)/../shared)
export QUORATE_SHARED

BINARY := bin/quorate

.DEFAULT_GOAL := help
.PHONY: help build run stop test tools lint fast race sim e2e test-bugs test-kill test-faults linear fuzz bench bench-dns soak-dns clean

help:
	@echo 'Quorate, a registry in three sites. Start here:'
	@echo
	@echo '  make run          build, then run three sites on this machine; Ctrl-C stops them'
	@echo '  make run DETACH=1 the same in the background; make stop ends it'
	@echo '  make run WAN=80ms with an emulated round trip of 80 ms between every two sites'
	@echo '  make run DEV_DIR=/tmp/q PORTS=17000   with data and ports elsewhere'
	@echo
	@echo 'While you change things:'
	@echo
	@echo '  make build        the binary, $(BINARY)'
	@echo '  make lint         gofmt, go vet, staticcheck'
	@echo '  make fast         unit and property tests; make race: the same under the race detector'
	@echo '  make sim          simulated clusters in fake time, SEEDS=$(SEEDS) of them from SEED=$(SEED) on'
	@echo '  make e2e          the end-to-end tests: three processes, killed under load'
	@echo '  make test         lint, race, e2e: what must pass before a change is done'
	@echo '  make linear       clients under faults for LINEAR="--duration 60s", and whether one order explains what they were told'
	@echo '  make test-bugs    whether that and the simulation find the bugs that can be planted (fsm/bugs); some minutes'
	@echo '  make test-kill    KILLS=$(KILLS) kills of sites under load, the state checked after each; a quarter of an hour'
	@echo '  make test-faults  pauses, cuts, sick disks, wrong clocks, twins: all of docs/FAULTS.md with real processes; five to ten minutes'
	@echo '  make fuzz         each parser of outside bytes, FUZZTIME=$(FUZZTIME) each'
	@echo '  make bench        every figure: round trips and rates, PostgreSQL beside it, a wide area, failover, size; a quarter of an hour'
	@echo '  make bench BENCH="failover --n 5"   one of them: postgres, wan, failover, scale, or BENCH=--phase=2s for the first'
	@echo '  make bench-dns    the name server beside NSD and Knot DNS, DNS_NAMES=$(DNS_NAMES) delegations; ten minutes'
	@echo '  make soak-dns     random packets at the name server for SOAK=$(SOAK)'
	@echo '  make clean        remove bin/ and the data in $(DEV_DIR)'

build:
	@mkdir -p bin
	go build -trimpath -o $(BINARY) .

run: build
	@exec $(BINARY) dev --dir '$(DEV_DIR)' $(if $(DETACH),--detach) $(if $(PORTS),--ports $(PORTS)) $(if $(SITES),--sites $(SITES)) $(if $(WAN),--wan $(WAN))

stop:
	@test -x $(BINARY) || { echo 'nothing to stop: $(BINARY) is not built'; exit 0; }; \
	$(BINARY) dev stop --dir '$(DEV_DIR)'

lint:
	@unformatted=$$(gofmt -l .); \
	test -z "$$unformatted" || { echo "gofmt -w these:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go vet -tags faults ./... # make test-faults and make bench build that
	go tool staticcheck ./...

# The end-to-end tests apart: they start processes, which the race detector doesn't see into.
UNIT = $$(go list ./... | grep -v -e /chaos/e2e -e /planted$$)

fast:
	go test -timeout $(TEST_TIMEOUT) $(UNIT)

race:
	@command -v "$$(go env CC)" >/dev/null || { echo 'the race detector needs a C compiler: apt-get install gcc; without it, make lint fast e2e'; exit 1; }
	go test -race -timeout $(TEST_TIMEOUT) $(UNIT)
	go test -tags level2 -timeout $(TEST_TIMEOUT) ./fsm/... # as the older release that e2e mixes in

# Not from the cache, which doesn't know what the binary is built from.
e2e:
	go test -count=1 -timeout 15m ./chaos/e2e

test: tools lint race e2e

sim:
	QUORATE_SEED=$(SEED) QUORATE_SEEDS=$(SEEDS) go test -count=1 -timeout 0 -run '^TestSimulation$$' ./node/consensus

# Nor these.
test-bugs:
	go test -count=1 -timeout 15m ./chaos/linear/planted ./node/consensus/planted

# The kills of make e2e, as many as wanted.
test-kill:
	QUORATE_KILLS=$(KILLS) go test -count=1 -v -timeout 60m -run '^TestKills$$' ./chaos/e2e

# All trials of docs/FAULTS.md; make e2e has the short ones.
test-faults:
	QUORATE_FAULTS=all go test -count=1 -timeout 20m -run '^TestFault' ./chaos/e2e

linear: build
	@exec $(BINARY) chaos linear $(LINEAR)

# What the tests use beside Go. .ci/run installs it.
tools:
	@for tool in dig:bind9-dnsutils whois:whois curl:curl openssl:openssl xmllint:libxml2-utils \
	  kdig:knot-dnsutils named-checkzone:bind9-utils ldns-read-zone:ldnsutils ldns-verify-zone:ldnsutils dnssec-verify:bind9-utils dnssec-keygen:bind9-utils kzonecheck:knot-dnssecutils zonemaster-cli:zonemaster-cli ip:iproute2 /usr/sbin/knotd:knot /usr/sbin/nsd:nsd /usr/sbin/named:bind9; do \
	  command -v "$${tool%%:*}" >/dev/null || echo "no $${tool%%:*}, so the tests that use it are skipped: apt-get install $${tool#*:}"; \
	done
	@perl -MNet::EPP::Simple -e 1 2>/dev/null || echo 'no Net::EPP for Perl, so the test that it drives is skipped: apt-get install libnet-epp-perl'
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo 'no PostgreSQL, so the comparison with it is skipped: apt-get install postgresql-15'
	@test -d '$(QUORATE_SHARED)' || echo 'no $(QUORATE_SHARED), so the tests that use EPP schemas and samples from there are skipped; QUORATE_SHARED says where they are'

# go test takes one fuzz target at a time.
fuzz:
	@set -e; for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package; \
	  done; \
	done

# BENCH is one benchmark with its flags. Nodes whose disk can be made to hang are built apart.
bench: build
ifdef BENCH
	@exec $(BINARY) bench $(BENCH)
else
	go build -trimpath -tags faults -o $(BINARY)-faults .
	$(BINARY) bench
	$(BINARY) bench postgres --if-installed
	$(BINARY) bench wan
	$(BINARY) bench failover --faulty-binary $(BINARY)-faults
	$(BINARY) bench scale
endif

# Random packets at the name server, whose memory must stay flat.
soak-dns:
	QUORATE_SOAK=$(SOAK) go test -count=1 -v -timeout 60m -run '^TestRandomPackets' ./chaos/dnspeers

# The name server beside others, each on one processor. Start, memory and rates of a larger zone: DNS_NAMES=1000000.
bench-dns: build
	$(BINARY) bench dns --names $(DNS_NAMES)

clean: stop
	rm -rf bin '$(DEV_DIR)'

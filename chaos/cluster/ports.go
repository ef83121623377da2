package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"quorate/transport/loopback"
)

// DefaultPortBase is where the development cluster's block of ports begins:
// site N's ports are 7N00 to 7N99 (7143 is WHOIS of site 1).
const DefaultPortBase = 7000

// portsPerSite is the distance between two sites' ports.
const portsPerSite = 100

// A service's port is the block's base, plus one hundred times the site's
// number, plus this: the last two digits remind of the well-known port.
const (
	transportPort = 10
	relayPort     = 20 // plus the number of the site that is dialled: 21 to 29
	whoisPort     = 43 // 43
	rdapPort      = 44 // 443
	dnsPort       = 53 // 53
	eppPort       = 70 // 700
	adminPort     = 85
	metricsPort   = 90
)

// ErrPortInUse says that another program has a port that a site needs.
var ErrPortInUse = errors.New("port in use")

// Addresses are a site's listeners, each host:port.
type Addresses struct {
	Transport string // UDP
	EPP       string // TCP
	WHOIS     string // TCP
	RDAP      string // TCP, HTTPS
	DNS       string // UDP and TCP
	Admin     string // TCP, HTTPS
	Metrics   string // TCP, HTTP
}

// addressesOf are the addresses of site number n (from 1) in the block at base.
func addressesOf(base, n int) Addresses {
	at := func(service int) string {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(base+portsPerSite*n+service))
	}
	return Addresses{at(transportPort), at(eppPort), at(whoisPort), at(rdapPort), at(dnsPort), at(adminPort), at(metricsPort)}
}

// checkFree returns ErrPortInUse when one of the addresses can't be listened on.
func (a Addresses) checkFree() error {
	for _, l := range []struct{ network, service, address string }{
		{"udp", "transport", a.Transport}, {"tcp", "EPP", a.EPP}, {"tcp", "WHOIS", a.WHOIS}, {"tcp", "RDAP", a.RDAP},
		{"udp", "DNS", a.DNS}, {"tcp", "DNS", a.DNS}, {"tcp", "admin", a.Admin}, {"tcp", "metrics", a.Metrics},
	} {
		if err := tryListen(l.network, l.address); err != nil {
			return fmt.Errorf("%w: %s/%s, for %s: %w", ErrPortInUse, l.address, l.network, l.service, errors.Unwrap(err))
		}
	}
	return nil
}

func tryListen(network, address string) error {
	if network == "udp" {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return l.Close()
}

// The range that free blocks are taken from. It lies below what Linux gives to
// outgoing connections: a killed site's port must not become some client's local
// port before the site is back.
const (
	firstFreePort = 10_000
	lastFreePort  = loopback.First
)

// PortBlock is a block of ports that no other cluster of this user has, as long
// as it isn't released.
type PortBlock struct {
	Base int // as for Options.PortBase
	lock *os.File
}

// ReservePorts finds a block of free ports for a cluster of this many sites.
// Blocks are reserved by locks on files, so that concurrent tests, in whatever
// process, get different ones even while their clusters are down.
func ReservePorts(sites int) (*PortBlock, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("quorate-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("reserving ports: %w", err)
	}
	size := portsPerSite * (MaxSites + 1)
	blocks := (lastFreePort - firstFreePort) / size
	for _, i := range rand.Perm(blocks) {
		base := firstFreePort + i*size
		lock, err := lockFile(filepath.Join(dir, strconv.Itoa(base)))
		if errors.Is(err, errLocked) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reserving ports: %w", err)
		}
		if allFree(base, sites) {
			return &PortBlock{base, lock}, nil
		}
		lock.Close()
	}
	return nil, fmt.Errorf("%w: no free block of ports between %d and %d", ErrPortInUse, firstFreePort, lastFreePort)
}

func allFree(base, sites int) bool {
	for n := range sites {
		if addressesOf(base, n+1).checkFree() != nil {
			return false
		}
	}
	return true
}

// Release gives the block back.
func (b *PortBlock) Release() { b.lock.Close() }

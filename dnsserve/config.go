package dnsserve

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"time"
)

// Config is what a node decides about its DNS server. The zero value of every field but Listen is good.
type Config struct {
	// Listen holds IP:port pairs, each served on UDP and TCP. An unspecified address (0.0.0.0, [::]) stands
	// for every address that the machine has when the server starts, each with a socket of its own, so that
	// an answer always leaves from the address that was asked; for addresses that come later, list them.
	// Port 0 takes a free port.
	Listen []string
	// UDPSize is the largest UDP answer in octets, announced in OPT: 512 to 4096, 1232 if 0.
	UDPSize int
	// NSID identifies this node to clients that ask (RFC 5001): up to 128 octets, none if empty.
	NSID string
	// UDPWorkers is how many threads answer each UDP address; GOMAXPROCS if 0. On Linux each has a socket of
	// its own and takes queries in batches.
	UDPWorkers int
	// PortableUDP has queries read one by one from one socket an address, as on systems other than Linux.
	PortableUDP bool
	// CookieSecrets switches DNS cookies on (RFC 7873, RFC 9018). Each has 16 octets; servers that share an
	// address need the same. The first makes cookies, all others are taken too: those before and after it,
	// so that secrets can be replaced server by server.
	CookieSecrets [][]byte
	// ChaosID and ChaosVersion are what questions of class CHAOS for id.server (and hostname.bind) and
	// version.server (and version.bind) get; refused if empty. Up to 255 octets.
	ChaosID, ChaosVersion string
	// RRL limits the rate of answers on UDP.
	RRL RRL
	// Transfers is where zone transfers come from, and who may have them. Nobody may if nil.
	Transfers Transfers
	// MaxTransfers bounds the transfers that run at once; 16 if 0.
	MaxTransfers int
	// MaxTCP bounds open connections, 1024 if 0; MaxTCPPerClient those of one IPv4 address or IPv6 /64, 64
	// if 0. A connection over a limit is closed at once.
	MaxTCP, MaxTCPPerClient int
	// TCPIdle is how long a connection may take for its next query; 10 s if 0. When three quarters of
	// MaxTCP are open it is at most 1 s.
	TCPIdle time.Duration
	// Log gets what an operator should know; slog.Default if nil.
	Log *slog.Logger
}

// complete checks the configuration and puts in what was left open.
func (c Config) complete() (Config, error) {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.UDPSize, defaultUDPSize)
	def(&c.UDPWorkers, runtime.GOMAXPROCS(0))
	def(&c.MaxTCP, defaultMaxTCP)
	def(&c.MaxTCPPerClient, defaultMaxTCPPerClient)
	def(&c.MaxTransfers, defaultMaxTransfers)
	if c.TCPIdle == 0 {
		c.TCPIdle = defaultTCPIdle
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	switch {
	case len(c.Listen) == 0:
		return c, fmt.Errorf("dnsserve: no address to listen on")
	case c.UDPSize < minUDPSize || c.UDPSize > maxUDPSize:
		return c, fmt.Errorf("dnsserve: UDP size %d is not within %d to %d octets", c.UDPSize, minUDPSize, maxUDPSize)
	case len(c.NSID) > maxNSID:
		return c, fmt.Errorf("dnsserve: NSID has %d octets, more than %d", len(c.NSID), maxNSID)
	case c.UDPWorkers < 0 || c.UDPWorkers > maxWorkers:
		return c, fmt.Errorf("dnsserve: %d UDP workers, not 1 to %d", c.UDPWorkers, maxWorkers)
	case c.MaxTCP < 0 || c.MaxTCPPerClient < 0 || c.TCPIdle < 0:
		return c, fmt.Errorf("dnsserve: a TCP limit is negative")
	case len(c.ChaosID) > maxChaos || len(c.ChaosVersion) > maxChaos:
		return c, fmt.Errorf("dnsserve: a text of class CHAOS has more than %d octets", maxChaos)
	case len(c.CookieSecrets) > maxSecrets:
		return c, fmt.Errorf("dnsserve: %d cookie secrets, more than %d", len(c.CookieSecrets), maxSecrets)
	case c.MaxTransfers < 0 || c.MaxTransfers > maxMaxTransfers:
		return c, fmt.Errorf("dnsserve: %d transfers at once, not 1 to %d", c.MaxTransfers, maxMaxTransfers)
	}
	return c, c.RRL.check()
}

// addresses returns the addresses to bind, unspecified ones expanded, each once.
func (c *Config) addresses() ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	seen := make(map[netip.AddrPort]bool)
	add := func(a netip.AddrPort) {
		if a.Port() == 0 || !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	for _, text := range c.Listen {
		a, err := netip.ParseAddrPort(text)
		if err != nil {
			return nil, fmt.Errorf("dnsserve: listen address %q is not IP:port: %w", text, err)
		}
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if !a.Addr().IsUnspecified() {
			add(a)
			continue
		}
		if a.Port() == 0 {
			return nil, fmt.Errorf("dnsserve: listen address %q would take a different port on each address: give a port or list the addresses", text)
		}
		local, err := localAddrs(a.Addr().Is4())
		if err != nil {
			return nil, fmt.Errorf("dnsserve: listen address %q: %w", text, err)
		}
		if len(local) == 0 {
			return nil, fmt.Errorf("dnsserve: listen address %q: the machine has no such address", text)
		}
		for _, ip := range local {
			add(netip.AddrPortFrom(ip, a.Port()))
		}
	}
	if len(out) > maxListen {
		return nil, fmt.Errorf("dnsserve: %d addresses to listen on, more than %d: list those that serve", len(out), maxListen)
	}
	return out, nil
}

// localAddrs returns the machine's unicast addresses of one family, but for link-local ones, which no
// delegation can name.
func localAddrs(ipv4 bool) ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list the machine's addresses: %w", err)
	}
	var out []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr().Unmap()
		if ip.Is4() == ipv4 && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() {
			out = append(out, ip)
		}
	}
	return out, nil
}

package wan

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Network is the wide area between some sites. Its methods may be used concurrently.
type Network struct {
	seed    uint64
	initial Link
	log     *slog.Logger
	start   time.Time
	loops   sync.WaitGroup

	mu         sync.Mutex // taken before a direction's
	directions map[pair]*direction
	relays     map[pair]*relay
	closed     bool
}

// pair is a site and another, in the order of a direction.
type pair struct{ from, to string }

// ErrNoDirection says that a change names a site, or two, between which nothing goes.
var ErrNoDirection = errors.New("no such direction")

// New is a network without relays. The seed decides its random choices; initial is the link that each direction begins with, ErrLink if
// it is impossible. A nil log is slog.Default.
func New(seed uint64, initial Link, log *slog.Logger) (*Network, error) {
	if err := initial.check(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.Default()
	}
	return &Network{
		seed: seed, initial: initial, log: log, start: time.Now(),
		directions: map[pair]*direction{}, relays: map[pair]*relay{},
	}, nil
}

func (n *Network) now() time.Duration { return time.Since(n.start) }

// Relay opens the address at which one site reaches another: what is sent to listen (host:port; port 0 for any) arrives at target after
// what the direction has in store for it, and the answers come back. It returns the address, which lasts until Close.
func (n *Network) Relay(from, to, listenAt, target string) (netip.AddrPort, error) {
	address, err := n.relay(pair{from, to}, listenAt, target)
	if err != nil {
		return address, fmt.Errorf("relay from %s to %s: %w", from, to, err)
	}
	return address, nil
}

func (n *Network) relay(p pair, listenAt, target string) (address netip.AddrPort, err error) {
	at, err := net.ResolveUDPAddr("udp", listenAt)
	if err != nil {
		return address, err
	}
	goal, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		return address, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return address, net.ErrClosed
	}
	if p.from == p.to || p.from == "" || p.to == "" || n.relays[p] != nil {
		return address, errors.New("a pair has two different sites and one relay")
	}
	r := &relay{
		network: n, clients: map[netip.AddrPort]*client{},
		target: netip.AddrPortFrom(goal.AddrPort().Addr().Unmap(), goal.AddrPort().Port()),
	}
	if r.there, err = n.direction(p); err != nil {
		return address, err
	}
	if r.back, err = n.direction(pair{p.to, p.from}); err != nil {
		return address, err
	}
	if r.front, err = listen(at); err != nil {
		return address, err
	}
	n.relays[p] = r
	n.loops.Go(r.forward)
	return r.front.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// direction is the direction of a pair, made if need be. The caller holds mu.
func (n *Network) direction(p pair) (*direction, error) {
	if d, ok := n.directions[p]; ok {
		return d, nil
	}
	d, err := newDirection(n, p.from, p.to)
	if err == nil {
		n.directions[p] = d
	}
	return d, err
}

// Apply makes the changes in their order, or none of them: ErrNoDirection if one fits no direction, ErrLink if one asks for the impossible.
// When it returns, they hold: nothing passes a cut any more.
func (n *Network) Apply(changes ...Change) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	links := map[*direction]Link{}
	for _, c := range changes {
		fits := false
		for p, d := range n.directions {
			if c.From != "" && c.From != p.from || c.To != "" && c.To != p.to {
				continue
			}
			fits = true
			before, changed := links[d]
			if !changed {
				before = d.link()
			}
			after := c.on(before)
			if err := after.check(); err != nil {
				return err
			}
			links[d] = after
		}
		if !fits {
			return fmt.Errorf("%w: from %q to %q", ErrNoDirection, c.From, c.To)
		}
	}
	for d, l := range links {
		d.set(l)
	}
	return nil
}

// Direction is the state of one direction.
type Direction struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Link     Link   `json:"link"`
	Counts   Counts `json:"counts"`
	UnderWay int    `json:"under_way"` // packets
}

// Directions are the states of all directions, by name.
func (n *Network) Directions() []Direction {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]Direction, 0, len(n.directions))
	for _, d := range n.directions {
		all = append(all, d.state())
	}
	slices.SortFunc(all, func(a, b Direction) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return all
}

// Close closes all relays; what is under way is lost. It returns when all goroutines have ended.
func (n *Network) Close() {
	n.mu.Lock()
	n.closed = true
	for _, r := range n.relays {
		r.close()
	}
	for _, d := range n.directions {
		d.alarm.close()
	}
	n.mu.Unlock()
	n.loops.Wait()
}

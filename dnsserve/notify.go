package dnsserve

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Target is a server that wants to hear of new serials.
type Target struct {
	Addr netip.AddrPort
	Key  *Key // signs the NOTIFY; nil: it goes unsigned
}

// Notifier tells secondaries of new serials (RFC 1996). It is a prometheus.Collector. Close ends it.
type Notifier struct {
	log    *slog.Logger
	first  time.Duration // until the first retry; doubled each time
	ctx    context.Context
	cancel context.CancelFunc
	told   sync.WaitGroup
	counts [len(notifyResults)]atomic.Uint64

	mu      sync.Mutex // guards what follows
	pending map[notifyKey]*notification
}

type notifyKey struct {
	zone string
	addr netip.AddrPort
}

// notification is what a target is still to be told.
type notification struct {
	soa   RRset
	key   *Key
	newer chan struct{} // soa was replaced by a newer one
}

// What comes of a NOTIFY.
const (
	notifyAcknowledged = iota
	notifyRefused
	notifyUnanswered
)

var notifyResults = [...]string{notifyAcknowledged: "acknowledged", notifyRefused: "refused", notifyUnanswered: "unanswered"}

// NewNotifier returns a Notifier that logs to log.
func NewNotifier(log *slog.Logger) *Notifier {
	n := &Notifier{log: log, first: notifyRetry, pending: make(map[notifyKey]*notification)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// Close ends all telling, and returns when it has ended.
func (n *Notifier) Close() {
	n.mu.Lock()
	n.cancel()
	n.mu.Unlock()
	n.told.Wait()
}

// Notify tells the targets of a zone's new SOA, in the background. Each is told until it answers, but at most
// so many times; a target that hasn't answered for an older SOA is told of this one instead. zone is in
// lower-case presentation form with final dot.
func (n *Notifier) Notify(zone string, soa RRset, targets []Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return
	}
	for _, t := range targets {
		k := notifyKey{zone, t.Addr}
		if p := n.pending[k]; p != nil {
			p.soa, p.key = soa, t.Key
			select {
			case p.newer <- struct{}{}:
			default:
			}
			continue
		}
		if len(n.pending) >= maxNotifying {
			n.log.Warn("dns notify left out: too many are under way", "zone", zone, "target", t.Addr.String())
			continue
		}
		p := &notification{soa: soa, key: t.Key, newer: make(chan struct{}, 1)}
		n.pending[k] = p
		n.told.Go(func() { n.tell(k, p) })
	}
}

// tell tells one target until there is nothing more to tell.
func (n *Notifier) tell(k notifyKey, p *notification) {
	wait := n.first
	for attempt := 1; ; attempt++ {
		n.mu.Lock()
		select {
		case <-p.newer:
			attempt, wait = 1, n.first
		default:
		}
		soa, key := p.soa, p.key
		n.mu.Unlock()
		began := time.Now()
		result, err := n.send(k, soa, key, wait)
		if n.ctx.Err() != nil {
			return
		}
		if result != notifyUnanswered || attempt == notifyAttempts {
			n.counts[result].Add(1)
			if err != nil {
				n.log.Warn("dns notify failed", "zone", k.zone, "target", k.addr.String(), "attempts", attempt, "error", err)
			}
			n.mu.Lock()
			if len(p.newer) == 0 {
				delete(n.pending, k)
				n.mu.Unlock()
				return
			}
			n.mu.Unlock()
			continue
		}
		select { // an error may have come at once
		case <-time.After(wait - time.Since(began)):
			wait *= 2
		case <-p.newer:
			attempt, wait = 0, n.first
		case <-n.ctx.Done():
			return
		}
	}
}

// send sends one NOTIFY and waits for its answer.
func (n *Notifier) send(k notifyKey, soa RRset, key *Key, wait time.Duration) (result int, err error) {
	id := make([]byte, 2)
	rand.Read(id) // never fails
	msg, err := notifyMessage(binary.BigEndian.Uint16(id), k.zone, soa)
	if err != nil {
		return notifyRefused, err
	}
	var a *auth
	if key != nil {
		if msg, a, err = signQuery(msg, *key, time.Now().UnixNano()); err != nil {
			return notifyRefused, err
		}
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(k.addr))
	if err != nil {
		return notifyUnanswered, err
	}
	defer c.Close()
	defer context.AfterFunc(n.ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		return notifyUnanswered, err
	}
	if _, err := c.Write(msg); err != nil {
		return notifyUnanswered, err
	}
	in := make([]byte, maxQuery)
	for {
		size, err := c.Read(in)
		if err != nil {
			return notifyUnanswered, err
		}
		answer := in[:size]
		if size < headerSize || answer[0] != id[0] || answer[1] != id[1] || answer[2]&0xf8 != 0x80|opcodeNotify<<3 {
			continue // somebody else's
		}
		if a != nil {
			var q query
			if !q.sections(answer) {
				continue
			}
			if err := a.checkAnswer(answer, q.tsig, time.Now().UnixNano()); err != nil {
				return notifyRefused, err
			}
		}
		if rcode := int(answer[3] & 15); rcode != rcodeNoError {
			return notifyRefused, fmt.Errorf("the secondary answers with response code %d", rcode)
		}
		return notifyAcknowledged, nil
	}
}

// notifyMessage is a NOTIFY with the new SOA as a hint (RFC 1996 §3.7).
func notifyMessage(id uint16, zone string, soa RRset) ([]byte, error) {
	name, err := parseName(zone)
	if err != nil {
		return nil, fmt.Errorf("dnsserve: notify: %w", err)
	}
	if soa.Type != typeSOA || len(soa.RData) != 1 {
		return nil, errors.New("dnsserve: notify: no SOA")
	}
	msg := make([]byte, headerSize, minUDPSize)
	binary.BigEndian.PutUint16(msg, id)
	binary.BigEndian.PutUint16(msg[2:], opcodeNotify<<11|flagAA)
	msg[5], msg[7] = 1, 1
	msg = append(append(msg, name...), 0, typeSOA, 0, classIN)
	msg = append(msg, 0xc0, headerSize, 0, typeSOA, 0, classIN)
	msg = binary.BigEndian.AppendUint32(msg, soa.TTL)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(soa.RData[0])))
	return append(msg, soa.RData[0]...), nil
}

var descNotifies = prometheus.NewDesc("quorate_dns_notifies_total",
	"Secondaries told of a new serial, by what came of it.", []string{"result"}, nil)

// Describe is part of prometheus.Collector.
func (n *Notifier) Describe(ch chan<- *prometheus.Desc) { ch <- descNotifies }

// Collect is part of prometheus.Collector.
func (n *Notifier) Collect(ch chan<- prometheus.Metric) {
	for i, result := range notifyResults {
		ch <- prometheus.MustNewConstMetric(descNotifies, prometheus.CounterValue, float64(n.counts[i].Load()), result)
	}
}

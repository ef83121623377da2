package dnsserve

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Transfers is where zone transfers come from, and who may have them. Names of zones and keys are in lower
// case, in presentation form with final dot. Methods are called by several transfers at once, and for each
// signed query: they take no long locks.
type Transfers interface {
	// Key returns the TSIG key of this name.
	Key(name string) (Key, bool)
	// Allowed reports whether a client may transfer the zone. key is the name of the key that signed its
	// query, "" when none did.
	Allowed(zone string, client netip.Addr, key string) bool
	// Snapshot returns the zone at one serial: its SOA, and all other RRsets in any order. A receiver may be
	// slow; what rest holds between two of them it may hold for up to an hour.
	Snapshot(ctx context.Context, zone string) (soa RRset, rest iter.Seq2[RRset, error], err error)
	// Journal returns the zone's SOA, and the steps that lead to it from a serial, in order; false when they
	// don't reach back so far. No steps mean that the serial is the zone's.
	Journal(ctx context.Context, zone string, from uint32) (soa RRset, steps iter.Seq2[Step, error], ok bool, err error)
}

// Step leads from one serial of a zone to a later one (RFC 1995 §4). Both lists hold an SOA. What is in both
// alike is not sent, so that RRsets may be given whole.
type Step struct{ Removed, Added []RRset }

// What comes of a transfer, for statistics.
const (
	transferDone = iota
	transferFailed
	transferRefused
	transferBusy
)

var (
	transferResults = [...]string{transferDone: "done", transferFailed: "failed", transferRefused: "refused", transferBusy: "busy"}
	transferTypes   = [...]string{"axfr", "ixfr"}
)

// transfers are those under way.
type transfers struct {
	slots  chan struct{}
	ctx    context.Context // ends with Shutdown: what goes on for an hour can't be waited for
	cancel context.CancelFunc
	counts [len(transferTypes)][len(transferResults)]atomic.Uint64
}

func (t *transfers) init(most int) {
	t.slots = make(chan struct{}, most)
	t.ctx, t.cancel = context.WithCancel(context.Background())
}

func (t *transfers) count(qtype uint16, result int) {
	i := 0
	if qtype == typeIXFR {
		i = 1
	}
	t.counts[i][result].Add(1)
}

func (t *transfers) collect(ch chan<- prometheus.Metric) {
	for i, typ := range transferTypes {
		for j, result := range transferResults {
			ch <- prometheus.MustNewConstMetric(descTransfers, prometheus.CounterValue, float64(t.counts[i][j].Load()), typ, result)
		}
	}
	ch <- prometheus.MustNewConstMetric(descTransfersOpen, prometheus.GaugeValue, float64(len(t.slots)))
}

// askTransfer judges a question for AXFR or IXFR. On TCP it leaves the transfer to be sent; by UDP an IXFR is
// answered with the SOA alone, which tells the client whether to come by TCP (RFC 1995 §4), an AXFR never.
func (r *responder) askTransfer(v *version) int {
	q := r.query
	if !bytes.Equal(q.name.wire, v.origin) {
		r.zone, r.extended = nil, extendedNotAuthoritative
		return rcodeNotAuth
	}
	if r.keys == nil || !r.keys.Allowed(show(v.origin), r.from.addr, r.signedBy()) || q.qtype == typeAXFR && !r.from.tcp {
		r.extended = extendedProhibited
		r.transfers.count(q.qtype, transferRefused)
		return rcodeRefused
	}
	if q.qtype == typeIXFR {
		if !q.hasSOA {
			return rcodeFormErr
		}
		if !r.from.tcp {
			q.qtype = typeSOA
			rcode := r.lookup(v)
			q.qtype = typeIXFR
			return rcode
		}
	}
	select {
	case r.transfers.slots <- struct{}{}:
	default:
		r.extended = extendedOther
		r.transfers.count(q.qtype, transferBusy)
		return rcodeServFail
	}
	r.aa, r.transfer = true, true
	return rcodeNoError
}

// sendTransfer answers a question that respond has left to it, and reports whether the connection can go on.
// A transfer that fails half way ends its connection: nothing else tells the client.
func (s *Server) sendTransfer(c *net.TCPConn, r *responder) bool {
	defer func() { <-s.transfers.slots }()
	q := r.query
	zone := show(r.zone.origin)
	ctx, cancel := context.WithTimeout(s.transfers.ctx, maxTransferTime)
	defer cancel()
	w := &transferWriter{c: c, r: r, head: bytes.Clone(r.out[:r.head]), origin: r.zone.origin, ctx: ctx, now: s.now}
	w.compress = bytes.Equal(w.head[headerSize:r.head-4], r.zone.origin) // not when it is in capitals
	w.begin()
	began := s.now()
	err := w.transfer(s.config.Transfers, zone)
	log := s.log.With("zone", zone, "client", c.RemoteAddr().String(), "key", r.signedBy(), "ixfr", q.qtype == typeIXFR, "octets", w.sent, "took", s.now().Sub(began))
	if err != nil {
		s.transfers.count(q.qtype, transferFailed)
		log.Warn("dns zone transfer failed", "error", err)
		return false
	}
	s.transfers.count(q.qtype, transferDone)
	log.Info("dns zone transfer", "serial", w.serial)
	return true
}

// transferWriter makes the messages of a transfer and sends them.
type transferWriter struct {
	c        *net.TCPConn
	r        *responder
	ctx      context.Context
	now      func() time.Time
	head     []byte // header and question
	origin   []byte
	compress bool   // names below the origin end in a pointer to the question
	owner    []byte // of the record before in this message, at
	at       int
	serial   uint32
	sent     int // octets
}

// transfer writes what the query asks for.
func (w *transferWriter) transfer(from Transfers, zone string) error {
	if w.r.query.qtype == typeIXFR {
		done, err := w.incremental(from, zone)
		if done || err != nil {
			return err
		}
	}
	soa, rest, err := from.Snapshot(w.ctx, zone)
	if err != nil {
		return err
	}
	if err := w.soa(&soa); err != nil {
		return err
	}
	for set, err := range rest {
		if err != nil {
			return err
		}
		if set.Type == typeSOA {
			continue
		}
		if err := w.set(&set); err != nil {
			return err
		}
	}
	if err := w.set(&soa); err != nil {
		return err
	}
	return w.flush()
}

// incremental writes an IXFR; false when the journal doesn't reach back, and nothing is written.
func (w *transferWriter) incremental(from Transfers, zone string) (done bool, err error) {
	soa, steps, ok, err := from.Journal(w.ctx, zone, w.r.query.serial)
	if err != nil {
		return false, err
	}
	if len(soa.RData) == 1 && int32(w.r.query.serial-soaSerial(soa.RData[0])) >= 0 {
		// The client is up to date, or ahead of us (RFC 1995 §2).
		if err := w.soa(&soa); err != nil {
			return false, err
		}
		return true, w.flush()
	}
	if !ok {
		return false, nil
	}
	if err := w.soa(&soa); err != nil {
		return false, err
	}
	for step, err := range steps {
		if err != nil {
			return false, err
		}
		if err := w.step(step); err != nil {
			return false, err
		}
	}
	if err := w.set(&soa); err != nil {
		return false, err
	}
	return true, w.flush()
}

func (w *transferWriter) soa(soa *RRset) error {
	if soa.Type != typeSOA || len(soa.RData) != 1 || len(soa.RData[0]) < soaFixed {
		return errors.New("the zone has no SOA")
	}
	w.serial = soaSerial(soa.RData[0])
	return w.set(soa)
}

// step writes one step's removals behind its old SOA, and its additions behind the new one.
func (w *transferWriter) step(s Step) error {
	removed, added := s.reduce()
	for _, sets := range [][]RRset{removed, added} {
		if len(sets) == 0 || sets[0].Type != typeSOA {
			return errors.New("a step of the journal has no SOA")
		}
		for i := range sets {
			if err := w.set(&sets[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// reduce returns the step's records without those that stay, the SOA first.
func (s *Step) reduce() (removed, added []RRset) {
	type key struct {
		owner       string
		typ, covers uint16
		ttl         uint32
	}
	keyOf := func(r *RRset) key { return key{r.Owner, r.Type, r.Covers, r.TTL} }
	index := func(sets []RRset) map[key][][]byte {
		m := make(map[key][][]byte, len(sets))
		for i := range sets {
			m[keyOf(&sets[i])] = sets[i].RData
		}
		return m
	}
	lacking := func(sets []RRset, others map[key][][]byte) (all []RRset) {
		for _, set := range sets {
			if set.Type == typeSOA { // always there, even if it were the same
				all = append([]RRset{set}, all...)
				continue
			}
			var rest [][]byte
			for _, rd := range set.RData {
				if !containsBytes(others[keyOf(&set)], rd) {
					rest = append(rest, rd)
				}
			}
			if set.RData = rest; len(rest) > 0 {
				all = append(all, set)
			}
		}
		return all
	}
	return lacking(s.Removed, index(s.Added)), lacking(s.Added, index(s.Removed))
}

func containsBytes(all [][]byte, b []byte) bool {
	for _, a := range all {
		if bytes.Equal(a, b) {
			return true
		}
	}
	return false
}

// set writes all records of an RRset.
func (w *transferWriter) set(s *RRset) error {
	owner, err := parseName(s.Owner)
	if err != nil {
		return fmt.Errorf("owner %q: %w", s.Owner, err)
	}
	if !within(owner, w.origin) {
		return fmt.Errorf("%s is outside the zone", s.Owner)
	}
	for _, rd := range s.RData {
		if w.r.count[sectionAnswer] > 0 && len(w.r.out)+len(owner)+10+len(rd) > transferMessage-w.reserve() {
			if err := w.flush(); err != nil {
				return err
			}
		}
		w.record(owner, s.Type, s.TTL, rd)
		if len(w.r.out) > maxMessage-w.reserve() {
			return fmt.Errorf("%s type %d: a record longer than a message", s.Owner, s.Type)
		}
	}
	return nil
}

// reserve is what OPT and TSIG take at the end of a message.
func (w *transferWriter) reserve() int { return w.r.optLength() + w.r.tsigLength() }

func (w *transferWriter) record(owner []byte, typ uint16, ttl uint32, rd []byte) {
	out := w.r.out
	if w.at > 0 && bytes.Equal(owner, w.owner) {
		out = binary.BigEndian.AppendUint16(out, 0xc000|uint16(w.at))
	} else {
		w.at, w.owner = 0, owner
		if len(out) < 0x4000 {
			w.at = len(out)
		}
		out = w.name(out, owner)
	}
	out = binary.BigEndian.AppendUint16(out, typ)
	out = binary.BigEndian.AppendUint16(out, classIN)
	out = binary.BigEndian.AppendUint32(out, ttl)
	at := len(out)
	out = append(out, 0, 0)
	skip, names, _ := layout(typ)
	if names > 0 && validRData(typ, 0, rd) {
		out = append(out, rd[:skip]...)
		rd = rd[skip:]
		for range names {
			n := nameLen(rd)
			out = w.name(out, rd[:n])
			rd = rd[n:]
		}
	}
	out = append(out, rd...)
	binary.BigEndian.PutUint16(out[at:], uint16(len(out)-at-2))
	w.r.out = out
	w.r.count[sectionAnswer]++
}

// name appends a name, its end in the zone as a pointer to the question.
func (w *transferWriter) name(out, wire []byte) []byte {
	if cut := len(wire) - len(w.origin); w.compress && cut >= 0 && len(w.origin) > 1 && bytes.Equal(wire[cut:], w.origin) && onLabel(wire, cut) {
		return append(append(out, wire[:cut]...), 0xc0, headerSize)
	}
	return append(out, wire...)
}

// onLabel reports whether a label of the wire name begins at the offset.
func onLabel(wire []byte, at int) bool {
	i := 0
	for i < at {
		i += 1 + int(wire[i])
	}
	return i == at
}

// begin starts the next message.
func (w *transferWriter) begin() {
	r := w.r
	if cap(r.out) < transferMessage {
		r.out = make([]byte, 0, transferMessage)
	}
	r.out = append(r.out[:0], w.head...)
	r.count, w.at = [3]uint16{}, 0
}

// flush sends the message.
func (w *transferWriter) flush() error {
	r := w.r
	if err := w.ctx.Err(); err != nil {
		return err
	}
	now := w.now()
	r.from.now = now.UnixNano()
	r.finish(rcodeNoError)
	r.query.edns = false // OPT is in the first message alone
	var prefix [2]byte
	binary.BigEndian.PutUint16(prefix[:], uint16(len(r.out)))
	if err := w.c.SetWriteDeadline(now.Add(transferWriteTimeout)); err != nil {
		return err
	}
	n, err := (&net.Buffers{prefix[:], r.out}).WriteTo(w.c)
	w.sent += int(n)
	w.begin()
	return err
}

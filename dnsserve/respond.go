package dnsserve

import (
	"encoding/binary"
	"net/netip"
)

// peer is who asks, and how.
type peer struct {
	addr netip.Addr // the zero Addr is no client of any list, and shares its limits with its like
	tcp  bool
	// keepalive is what a client on TCP that asks is told of the idle time, in tenths of a second (RFC 7828 §3.1).
	keepalive uint16
	now       int64 // Unix time in nanoseconds
}

// responder answers queries. It is used by one goroutine at a time and holds all that a query needs, so
// that an answer costs no allocation and takes no lock. Signed queries and transfers are the exception:
// they are rare, and cost what they cost.
type responder struct {
	zones     *Zones
	nsid      []byte
	udpSize   int // octets, the server's EDNS payload size
	chaos     *chaosNames
	cookies   *cookieJar
	limiter   *limiter
	keys      Transfers // where TSIG keys are found; nil: nowhere
	transfers *transfers
	stats     *counters

	query *query // the one that is answered
	alone query  // one that was not read ahead of its answer
	ahead *ahead // those that were; nil: none ever is
	scratch
	out   []byte    // the answer under construction
	limit int       // octets that out may reach before OPT and TSIG
	head  int       // octets of header and question
	count [3]uint16 // records in answer, authority and additional section
	aa    bool
	tc    bool

	from     peer
	kind     int      // what the answer is, for the rate limit
	zone     *version // the zone that answers, if one does
	extended uint16   // extended error (RFC 8914); noExtended: none
	cookie   cookieState
	serverCookie
	slips    uint32 // answers over the limit so far
	auth     auth
	transfer bool // a transfer that may go on, in place of this answer
}

// Kinds of answers, limited apart from each other: who floods with one doesn't stop the others.
const (
	kindError = iota
	kindReferral
	kindAnswer // with NODATA: what stands at a name
	kindNXDomain
)

// sections of a message, as indices of responder.count.
const (
	sectionAnswer = iota
	sectionAuthority
	sectionAdditional
)

// respond writes the answer to msg into out, which is long enough for the transport's largest message (on
// UDP udpSize octets, on TCP maxMessage), and returns its length. 0 means that msg gets no answer. When
// transfer is set afterwards, the answer is still to be sent, by sendTransfer.
func (r *responder) respond(out, msg []byte, from peer) int {
	r.alone.parse(msg)
	return r.reply(&r.alone, out, msg, from)
}

// reply is respond to a message that was parsed.
func (r *responder) reply(q *query, out, msg []byte, from peer) int {
	if !q.isQuery {
		r.stats.dropped.Add(1)
		return 0
	}
	r.query = q
	rcode := q.rcode
	size := maxMessage
	if !from.tcp {
		size = minUDPSize
		if q.edns {
			size = min(max(int(q.size), minUDPSize), r.udpSize)
		}
	}
	r.from, r.kind, r.zone, r.extended, r.transfer = from, kindError, nil, noExtended, false
	r.count, r.aa, r.tc = [3]uint16{}, false, false
	r.head = headerSize + q.question
	r.out = append(out[:0], msg[:r.head]...)
	r.checkCookie()
	if q.tsig > 0 {
		rcode = r.authenticate(msg, rcode)
	} else {
		r.auth = auth{}
	}
	if r.limit = size - r.optLength() - r.tsigLength(); r.limit < r.head {
		// A signature with names so long that it doesn't fit. Without it everything does.
		q.tsig, rcode = 0, rcodeFormErr
		r.limit = size - r.optLength()
	}
	switch {
	case rcode == rcodeNoError && q.question > 0:
		rcode = r.resolve()
	case rcode == rcodeNoError && r.cookie == cookieBad:
		// Who asks for nothing but a cookie is told whether the one it has is good (RFC 7873 §5.4).
		rcode = rcodeBadCooky
	case rcode == rcodeNotImp:
		r.extended = extendedNotSupported
	}
	if r.transfer {
		r.stats.countQuery(q)
		return r.head
	}
	if r.tc {
		// Never half an RRset or half a referral: the client comes back by TCP (RFC 2181 §9).
		r.clear()
		r.stats.truncated.Add(1)
	}
	if r.limiter != nil && !from.tcp {
		switch r.checkRate() {
		case rateDrop:
			r.stats.countQuery(q)
			r.stats.limited.Add(1)
			return 0
		case rateSlip:
			r.stats.slipped.Add(1)
			rcode = r.slip(rcode)
		}
	}
	r.finish(rcode)
	r.zone = nil // an idle worker must not keep an image that was replaced
	r.stats.countQuery(q)
	r.stats.responses[rcode].Add(1)
	return len(r.out)
}

// clear takes back everything behind the question.
func (r *responder) clear() { r.out, r.count = r.out[:r.head], [3]uint16{} }

// finish appends OPT and TSIG and fills in the header.
func (r *responder) finish(rcode int) {
	q := r.query
	if q.edns {
		r.appendOPT(rcode)
	}
	flags := q.flags&(maskOpcode|flagRD) | flagQR | uint16(rcode&15)
	if r.aa {
		flags |= flagAA
	}
	if r.tc {
		flags |= flagTC
	}
	binary.BigEndian.PutUint16(r.out[2:], flags)
	questions := uint16(0)
	if q.question > 0 {
		questions = 1
	}
	binary.BigEndian.PutUint16(r.out[4:], questions)
	for i, n := range r.count {
		binary.BigEndian.PutUint16(r.out[6+2*i:], n)
	}
	if q.tsig > 0 {
		r.sign()
	}
}

// resolve answers a well-formed question and returns the response code.
func (r *responder) resolve() int {
	q := r.query
	switch {
	case q.qclass == classCH && r.chaos != nil:
		return r.identify()
	case q.qclass != classIN:
		r.extended = extendedNotSupported
		return rcodeRefused
	}
	v := q.found.zone
	if v == nil {
		v = r.zones.table.Load().find(&q.name, q.qtype)
	}
	if why, withheld := r.zones.withheldFrom(&q.name, q.qtype, v); withheld {
		r.extended = uint16(why)
		return rcodeServFail
	}
	if v == nil {
		r.extended = extendedNotAuthoritative
		return rcodeRefused
	}
	r.zone = v
	if q.qtype == typeAXFR || q.qtype == typeIXFR {
		return r.askTransfer(v)
	}
	return r.lookup(v)
}

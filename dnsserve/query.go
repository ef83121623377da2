package dnsserve

import "encoding/binary"

// Wire constants of the message header (RFC 1035 §4.1.1) and of EDNS (RFC 6891 §6.1).
const (
	headerSize = 12
	optSize    = 11 // an OPT record without options

	flagQR     = 1 << 15
	flagAA     = 1 << 10
	flagTC     = 1 << 9
	flagRD     = 1 << 8
	maskOpcode = 15 << 11

	opcodeNotify = 4 // RFC 1996 §4.5

	ednsDO = 1 << 15
)

// Response codes (RFC 1035 §4.1.1, RFC 6891 §9).
const (
	rcodeNoError  = 0
	rcodeFormErr  = 1
	rcodeServFail = 2
	rcodeNXDomain = 3
	rcodeNotImp   = 4
	rcodeRefused  = 5
	rcodeNotAuth  = 9 // RFC 8945 §5.3
	rcodeBadVers  = 16
	rcodeBadCooky = 23 // RFC 7873 §8
)

// query is a parsed question. It is scratch space of one worker, used again for each message.
type query struct {
	rcode    int  // what the message's form alone decides
	isQuery  bool // not so: it gets no answer at all, for it is too short to be a message, or itself an answer
	name     labels
	question int // octets of the question section to repeat in the answer; 0 when it can't be read
	flags    uint16
	qtype    uint16
	qclass   uint16
	edns     bool // an OPT was there
	version  uint8
	do       bool
	size     uint16 // the client's UDP payload size in octets
	tsig     int    // where the message's TSIG record begins; 0: it has none

	hasSOA bool   // the first record behind the question is an SOA, as in IXFR (RFC 1995 §3)
	serial uint32 // its serial

	// What the client asked for by options.
	nsid, expire, keepalive, zoneVersion bool

	cookie     int // octets of cookieData that came; 0: none did
	cookieData [maxCookie]byte

	found found // before it is answered, if it came among others
}

// parse reads a message.
func (q *query) parse(msg []byte) {
	q.found.zone, q.found.hash = nil, false
	q.rcode, q.isQuery = q.read(msg)
}

func (q *query) read(msg []byte) (rcode int, isQuery bool) {
	if len(msg) < headerSize {
		return 0, false
	}
	q.flags = binary.BigEndian.Uint16(msg[2:])
	if q.flags&flagQR != 0 {
		return 0, false
	}
	q.question, q.qtype, q.qclass = 0, 0, 0
	q.edns, q.version, q.do, q.size, q.tsig, q.hasSOA = false, 0, false, 0, 0, false
	q.nsid, q.expire, q.keepalive, q.zoneVersion, q.cookie = false, false, false, false, 0
	wellFormed := q.sections(msg)
	if !wellFormed {
		q.tsig = 0 // whatever it signs
	}
	switch {
	case wellFormed && q.version != 0: // whatever else it asks for (RFC 6891 §6.1.3)
		return rcodeBadVers, true
	case q.flags&maskOpcode != 0:
		return rcodeNotImp, true
	case !wellFormed:
		return rcodeFormErr, true
	case q.question == 0 && (q.cookie == 0 || binary.BigEndian.Uint16(msg[4:]) != 0):
		// Without a question one can ask for a server cookie, and nothing else (RFC 7873 §5.4).
		return rcodeFormErr, true
	}
	return rcodeNoError, true
}

// sections walks through the whole message: the question, which is kept if it is one, and the other
// records for OPT and TSIG among them. It reports false at the first thing out of order.
func (q *query) sections(msg []byte) bool {
	questions := binary.BigEndian.Uint16(msg[4:])
	others := int(binary.BigEndian.Uint16(msg[6:])) + int(binary.BigEndian.Uint16(msg[8:]))
	additional := int(binary.BigEndian.Uint16(msg[10:]))
	at := headerSize
	if questions == 1 {
		n := q.name.read(msg[at:])
		if n == 0 || len(msg) < at+n+4 {
			return false
		}
		at += n + 4
		q.qtype = binary.BigEndian.Uint16(msg[at-4:])
		q.qclass = binary.BigEndian.Uint16(msg[at-2:])
		q.question = n + 4
	} else {
		for range questions {
			if at = skipName(msg, at); at == 0 || at+4 > len(msg) {
				return false
			}
			at += 4
		}
	}
	for i := range others + additional {
		start := at
		if at = skipName(msg, at); at == 0 || at+10 > len(msg) {
			return false
		}
		fixed := msg[at : at+10]
		end := at + 10 + int(binary.BigEndian.Uint16(fixed[8:]))
		if end > len(msg) {
			return false
		}
		switch binary.BigEndian.Uint16(fixed) {
		case typeOPT:
			if !q.opt(fixed, msg[at+10:end], i >= others && at == start+1) {
				return false
			}
		case typeTSIG:
			// The last record, or none (RFC 8945 §5.2).
			if i < others || i != others+additional-1 {
				return false
			}
			q.tsig = start
		case typeSOA:
			if i == 0 {
				q.soa(msg, at+10, end)
			}
		}
		at = end
	}
	return at == len(msg)
}

// soa reads the serial of SOA RDATA, whose names may be compressed.
func (q *query) soa(msg []byte, at, end int) {
	for range 2 {
		if at = skipName(msg[:end], at); at == 0 {
			return
		}
	}
	if q.hasSOA = end-at == soaFixed; q.hasSOA {
		q.serial = binary.BigEndian.Uint32(msg[at:])
	}
}

// opt reads an OPT record from its type on. inPlace says that it stands in the additional section and is
// owned by the root. A second OPT is an error (RFC 6891 §6.1.1). Options of another version are not read.
func (q *query) opt(fixed, options []byte, inPlace bool) bool {
	if q.edns {
		return false
	}
	q.edns = true
	q.size = binary.BigEndian.Uint16(fixed[2:])
	q.version = fixed[5]
	q.do = binary.BigEndian.Uint16(fixed[6:])&ednsDO != 0
	if !inPlace {
		return false
	}
	if q.version != 0 {
		return true
	}
	for len(options) > 0 {
		if len(options) < 4 {
			return false
		}
		n := 4 + int(binary.BigEndian.Uint16(options[2:]))
		if n > len(options) {
			return false
		}
		if !q.option(binary.BigEndian.Uint16(options), options[4:n]) {
			return false
		}
		options = options[n:]
	}
	return true
}

// skipName returns the offset behind the name at an offset, compressed or not; 0 when it is malformed.
func skipName(msg []byte, at int) int {
	for start := at; at < len(msg) && at-start < maxName; {
		switch c := int(msg[at]); {
		case c == 0:
			return at + 1
		case c >= 0xc0:
			if at+2 > len(msg) {
				return 0
			}
			return at + 2
		case c > maxLabel:
			return 0
		default:
			at += 1 + c
		}
	}
	return 0
}

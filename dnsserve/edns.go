package dnsserve

import "encoding/binary"

// EDNS options that the server heeds; all others are ignored (RFC 6891 §6.1.2).
const (
	optionNSID        = 3  // RFC 5001
	optionExpire      = 9  // RFC 7314
	optionCookie      = 10 // RFC 7873
	optionKeepalive   = 11 // RFC 7828
	optionExtended    = 15 // RFC 8914
	optionZoneVersion = 19 // RFC 9660
)

// Extended errors (RFC 8914 §4, §5.2). They explain response codes; nobody decides on them.
const (
	extendedOther            = 0  // RFC 8914 §4.1
	extendedSignatureExpired = 7  // RFC 8914 §4.8
	extendedNotReady         = 14 // RFC 8914 §4.15
	extendedProhibited       = 18 // RFC 8914 §4.19
	extendedNotAuthoritative = 20 // RFC 8914 §4.21
	extendedNotSupported     = 21 // RFC 8914 §4.22
	noExtended               = 0xffff
)

// Octets of options in OPT, code and length included.
const (
	optionHead        = 4
	cookieOption      = optionHead + clientCookieSize + serverCookieSize
	keepaliveOption   = optionHead + 2
	expireOption      = optionHead + 4
	zoneVersionOption = optionHead + 2 + 4
	extendedOption    = optionHead + 2
	// maxOptions is the most that all options together take.
	maxOptions = optionHead + maxNSID + cookieOption + keepaliveOption + expireOption + zoneVersionOption + extendedOption
)

// option reads one option of the query's OPT; it reports false when that is malformed.
func (q *query) option(code uint16, data []byte) bool {
	switch code {
	case optionNSID:
		q.nsid = true
	case optionExpire:
		q.expire = true
	case optionZoneVersion:
		q.zoneVersion = true
	case optionKeepalive:
		q.keepalive = true
	case optionCookie:
		if q.cookie > 0 { // of several the first counts, whatever the others are (RFC 7873 §5.2)
			return true
		}
		// A client cookie alone, or with a server cookie of 8 to 32 octets (RFC 7873 §5.2.2).
		if n := len(data); n != clientCookieSize && (n < 2*clientCookieSize || n > maxCookie) {
			return false
		}
		q.cookie = copy(q.cookieData[:], data)
	}
	return true
}

// optLength is what OPT will take at most at the end of the answer.
func (r *responder) optLength() int {
	q := r.query
	if !q.edns {
		return 0
	}
	n := optSize
	if q.nsid && len(r.nsid) > 0 {
		n += optionHead + len(r.nsid)
	}
	if r.cookie != cookieNone {
		n += cookieOption
	}
	if q.keepalive && r.from.tcp {
		n += keepaliveOption
	}
	if q.expire {
		n += expireOption
	}
	if q.zoneVersion {
		n += zoneVersionOption
	}
	return n
}

// appendOPT writes OPT with the options that the client asked for, and, where there is room, an extended error.
func (r *responder) appendOPT(rcode int) {
	q := r.query
	r.count[sectionAdditional]++
	ttl := uint32(rcode>>4) << 24
	if q.do {
		ttl |= ednsDO
	}
	r.out = append(r.out, 0, 0, typeOPT)
	r.out = binary.BigEndian.AppendUint16(r.out, uint16(r.udpSize))
	r.out = binary.BigEndian.AppendUint32(r.out, ttl)
	at := len(r.out)
	r.out = append(r.out, 0, 0)
	if rcode != rcodeBadVers { // nothing is known of options of another version
		r.appendOptions(rcode)
	}
	binary.BigEndian.PutUint16(r.out[at:], uint16(len(r.out)-at-2))
}

func (r *responder) appendOptions(rcode int) {
	q := r.query
	if q.nsid && len(r.nsid) > 0 {
		r.appendOption(optionNSID, len(r.nsid))
		r.out = append(r.out, r.nsid...)
	}
	if r.cookie != cookieNone {
		r.appendOption(optionCookie, clientCookieSize+serverCookieSize)
		r.out = append(append(r.out, q.cookieData[:clientCookieSize]...), r.serverCookie[:]...)
	}
	if q.keepalive && r.from.tcp {
		r.appendOption(optionKeepalive, 2)
		r.out = binary.BigEndian.AppendUint16(r.out, r.from.keepalive)
	}
	if good := rcode == rcodeNoError || rcode == rcodeNXDomain; r.zone != nil && good && !r.tc {
		r.appendZoneOptions()
	}
	// Last: without it an answer is whole. Only errors have one, so that there always is room.
	if r.extended != noExtended {
		r.appendOption(optionExtended, 2)
		r.out = binary.BigEndian.AppendUint16(r.out, r.extended)
	}
}

// appendZoneOptions says of the zone of which version it is (RFC 9660 §3) and how long copies of it are good
// (RFC 7314 §3).
func (r *responder) appendZoneOptions() {
	q := r.query
	if q.expire && (q.qtype == typeSOA || q.qtype == typeIXFR || q.qtype == typeAXFR) {
		r.appendOption(optionExpire, 4)
		rd := r.zone.soa.first()
		r.out = append(r.out, rd[len(rd)-8:len(rd)-4]...)
	}
	if q.zoneVersion {
		r.appendOption(optionZoneVersion, 6)
		r.out = append(r.out, byte(r.zone.labels), 0) // type 0: SOA serial
		r.out = binary.BigEndian.AppendUint32(r.out, r.zone.serial)
	}
}

func (r *responder) appendOption(code uint16, length int) {
	r.out = binary.BigEndian.AppendUint16(r.out, code)
	r.out = binary.BigEndian.AppendUint16(r.out, uint16(length))
}

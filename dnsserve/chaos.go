package dnsserve

import "encoding/binary"

// chaosNames are what the server says of itself in class CHAOS (RFC 4892 and BIND's habit): nothing that
// is empty.
type chaosNames struct{ id, version []byte }

// newChaos returns nil when there is nothing to say: questions of class CHAOS are refused then.
func newChaos(id, version string) *chaosNames {
	if id == "" && version == "" {
		return nil
	}
	return &chaosNames{[]byte(id), []byte(version)}
}

const (
	idServer      = "\x02id\x06server\x00"
	hostnameBind  = "\x08hostname\x04bind\x00"
	versionServer = "\x07version\x06server\x00"
	versionBind   = "\x07version\x04bind\x00"
)

// identify answers a question of class CHAOS and returns the response code.
func (r *responder) identify() int {
	q := r.query
	var text []byte
	switch string(q.name.wire) {
	case idServer, hostnameBind:
		text = r.chaos.id
	case versionServer, versionBind:
		text = r.chaos.version
	}
	if len(text) == 0 {
		r.extended = extendedNotAuthoritative
		return rcodeRefused
	}
	r.aa, r.kind = true, kindAnswer
	if q.qtype != typeTXT && q.qtype != typeANY {
		return rcodeNoError
	}
	if len(r.out)+12+1+len(text) > r.limit {
		r.tc = true
		return rcodeNoError
	}
	r.out = append(r.out, 0xc0, headerSize, 0, typeTXT, 0, classCH, 0, 0, 0, 0)
	r.out = binary.BigEndian.AppendUint16(r.out, uint16(1+len(text)))
	r.out = append(append(r.out, byte(len(text))), text...)
	r.count[sectionAnswer] = 1
	return rcodeNoError
}

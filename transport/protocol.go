package transport

import (
	"fmt"
	"strconv"
	"strings"
)

// Protocol is one of the three things that travel between nodes.
type Protocol string

// The protocols. Each has its own QUIC connection, so that a snapshot can't delay a heartbeat.
const (
	ProtocolRaft Protocol = "raft"
	ProtocolRPC  Protocol = "rpc"
	ProtocolBulk Protocol = "bulk"
)

var protocols = [...]Protocol{ProtocolRaft, ProtocolRPC, ProtocolBulk}

// wireVersion is the version of what is said inside the streams. A change that an older node can't read raises it.
const wireVersion = 1

// alpn is a protocol as it is offered in the handshake (RFC 7301): quorate-raft/1 g=3 is raft, wire version 1, cluster generation 3.
// Generation and version are in the name because TLS then refuses a mismatch before a single byte of either side's is trusted.
func alpn(p Protocol, generation uint64) string {
	return fmt.Sprintf("quorate-%s/%d g=%d", p, wireVersion, generation)
}

// parseALPN is the reverse of alpn, for any version and generation.
func parseALPN(s string) (p Protocol, version, generation uint64, ok bool) {
	rest, ok := strings.CutPrefix(s, "quorate-")
	if !ok {
		return "", 0, 0, false
	}
	name, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return "", 0, 0, false
	}
	versionText, generationText, ok := strings.Cut(rest, " g=")
	if !ok {
		return "", 0, 0, false
	}
	version, err := strconv.ParseUint(versionText, 10, 64)
	if err != nil {
		return "", 0, 0, false
	}
	generation, err = strconv.ParseUint(generationText, 10, 64)
	if err != nil {
		return "", 0, 0, false
	}
	for _, known := range protocols {
		if name == string(known) {
			return known, version, generation, true
		}
	}
	return "", 0, 0, false
}

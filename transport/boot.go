package transport

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
)

// Two processes can come to have one node's id and certificate: a disk was copied, a machine cloned or restored. Each has votes and a log of
// its own, so together they could vote twice in a term. So each process draws a boot id, and says it in every handshake that it begins:
// while a peer is connected with one process of a node, it refuses every other of that node. But one that is where the peer itself would look
// for the node comes before one that isn't, and before its own predecessor, which can't be there any more. Elsewhere (behind an
// address translation) a killed process is in the way of its successor for as long as its connections need to time out.

// bootPrefix begins the name of a protocol that is never spoken: it carries the dialler's boot id to where the certificate is checked (RFC 7301
// has a server ignore names that it doesn't know).
const bootPrefix = "quorate-boot "

// newBoot draws a process's boot id.
func newBoot() string {
	var random [8]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	return hex.EncodeToString(random[:])
}

// bootOffered is the boot id among the protocols that a dialler offers; empty if it says none, as an older program does.
func bootOffered(protocols []string) string {
	at := slices.IndexFunc(protocols, func(p string) bool { return strings.HasPrefix(p, bootPrefix) })
	if at < 0 {
		return ""
	}
	return strings.TrimPrefix(protocols[at], bootPrefix)
}

// claim is the process that a node's connections come from.
type claim struct {
	boot string
	at   time.Time // of its newest handshake
}

// claim notes that a process calls itself the node, or refuses it while another does.
func (t *Transport) claim(node, boot string, remote net.Addr) *RefusedError {
	where, err := t.config.Resolver.Resolve(node)
	atHome := err == nil && where == remote.String()
	var former []*quic.Conn
	defer func() {
		for _, conn := range former {
			_ = conn.CloseWithError(closeReplaced, "another process is this node now") // always nil
		}
	}()
	t.mu.Lock()
	defer t.mu.Unlock()
	held, known := t.claims[node]
	if known && held.boot != boot && !atHome && (t.connectedFrom(node) || time.Since(held.at) < claimTime) {
		return refuse(node, ReasonDuplicate, "another process that is node %s is connected: two processes have its id and certificate, or it has just been restarted", node)
	}
	if known && held.boot != boot {
		for _, p := range protocols {
			if conn := t.sessions[linkKey{node, p}]; conn != nil {
				former = append(former, conn)
			}
		}
	}
	t.claims[node] = claim{boot, time.Now()}
	return nil
}

// connectedFrom says whether the node has dialled connections that are up. The caller holds mu.
func (t *Transport) connectedFrom(node string) bool {
	for _, p := range protocols {
		if conn := t.sessions[linkKey{node, p}]; conn != nil && conn.Context().Err() == nil {
			return true
		}
	}
	return false
}

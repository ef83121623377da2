package registry

import "math/bits"

// Statuses is a set of EPP status values (RFC 5731 §2.3, RFC 5732 §2.3, RFC
// 5733 §2.2). Bits are part of the stored form and never change meaning.
type Statuses uint32

// The status values. OK, Inactive and Linked are never stored: they follow from the rest.
const (
	ClientDeleteProhibited Statuses = 1 << iota
	ClientHold
	ClientRenewProhibited
	ClientTransferProhibited
	ClientUpdateProhibited
	ServerDeleteProhibited
	ServerHold
	ServerRenewProhibited
	ServerTransferProhibited
	ServerUpdateProhibited
	PendingCreate
	PendingDelete
	PendingRenew
	PendingTransfer
	PendingUpdate
	Inactive
	Linked
	OK
)

var statusNames = [...]string{
	"clientDeleteProhibited", "clientHold", "clientRenewProhibited", "clientTransferProhibited", "clientUpdateProhibited",
	"serverDeleteProhibited", "serverHold", "serverRenewProhibited", "serverTransferProhibited", "serverUpdateProhibited",
	"pendingCreate", "pendingDelete", "pendingRenew", "pendingTransfer", "pendingUpdate",
	"inactive", "linked", "ok",
}

// Sets of statuses by who may set them, and by object.
const (
	ClientStatuses = ClientDeleteProhibited | ClientHold | ClientRenewProhibited | ClientTransferProhibited | ClientUpdateProhibited
	ServerStatuses = ServerDeleteProhibited | ServerHold | ServerRenewProhibited | ServerTransferProhibited | ServerUpdateProhibited
	Pending        = PendingCreate | PendingDelete | PendingRenew | PendingTransfer | PendingUpdate
	AnyHold        = ClientHold | ServerHold

	// HostSettable and ContactSettable are the statuses of theirs that somebody can set: hosts and contacts aren't held
	// or renewed, and a host is transferred with its superordinate domain only (RFC 5732 §2.3, RFC 5733 §2.2).
	HostSettable    = ClientDeleteProhibited | ClientUpdateProhibited | ServerDeleteProhibited | ServerUpdateProhibited
	ContactSettable = HostSettable | ClientTransferProhibited | ServerTransferProhibited
)

// ParseStatus is the status called name.
func ParseStatus(name string) (Statuses, bool) {
	for i, n := range statusNames {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// Has says whether s shares a status with any.
func (s Statuses) Has(any Statuses) bool { return s&any != 0 }

// Names are the names of the statuses in s, in a fixed order.
func (s Statuses) Names() []string {
	names := make([]string, 0, bits.OnesCount32(uint32(s)))
	for i, n := range statusNames {
		if s&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

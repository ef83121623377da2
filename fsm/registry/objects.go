package registry

import (
	"fmt"
	"strings"

	"quorate/fsm/store"
)

// Object is what domains, hosts and contacts have in common.
type Object struct {
	Number    uint64   `cbor:"1,keyasint"`           // never used again; the ROID is made of it
	Sponsor   string   `cbor:"2,keyasint"`           // sponsoring client (clID)
	Creator   string   `cbor:"3,keyasint"`           // crID
	Created   Time     `cbor:"4,keyasint"`           // crDate
	Updater   string   `cbor:"5,keyasint,omitempty"` // upID; "" when never updated
	Updated   Time     `cbor:"6,keyasint,omitempty"` // upDate
	Moved     Time     `cbor:"7,keyasint,omitempty"` // trDate, the last transfer
	Statuses  Statuses `cbor:"8,keyasint,omitempty"` // as set; without ok, inactive, linked
	LastEvent uint64   `cbor:"9,keyasint"`           // index of the newest history record
}

// Domain is a registered domain name (RFC 5731), by its name in lower case.
type Domain struct {
	Object     `cbor:"1,keyasint"`
	Name       string          `cbor:"2,keyasint"`
	TLD        string          `cbor:"3,keyasint"`
	Expires    Time            `cbor:"4,keyasint"` // exDate
	Registrant string          `cbor:"5,keyasint,omitempty"`
	Contacts   []DomainContact `cbor:"6,keyasint,omitempty"` // sorted
	Hosts      []uint64        `cbor:"7,keyasint,omitempty"` // numbers of delegated-to hosts, ascending
	AuthInfo   AuthInfo        `cbor:"8,keyasint"`
	Grace      []Grace         `cbor:"9,keyasint,omitempty"`  // running grace periods, in order of beginning
	Purge      Time            `cbor:"10,keyasint,omitempty"` // when pendingDelete ends the object

	// What secures the delegation (RFC 5910): DS records or keys, never both; each sorted.
	DS         []DSData        `cbor:"13,keyasint,omitempty" since:"3"`
	Keys       []DNSKeyData    `cbor:"14,keyasint,omitempty" since:"3"`
	MaxSigLife uint32          `cbor:"15,keyasint,omitempty" since:"3"` // how long the child wants signatures over its DS records to be valid, in seconds; 0: no wish
	Transfer   *Transfer       `cbor:"11,keyasint,omitempty" since:"3"` // the newest, pending or ended
	Attributes []HostAttribute `cbor:"12,keyasint,omitempty" since:"3"` // name servers of a TLD that has no host objects, by name
}

// DomainContact is a contact's role for a domain.
type DomainContact struct {
	Type string `cbor:"1,keyasint"` // admin, billing or tech
	ID   string `cbor:"2,keyasint"`
}

// AuthInfo is authorization information, as kept: sealed under the cluster's
// key-encryption key by a front door or, where the client knows RFC 9154, as a
// salted hash that nobody can open. The state machine opens neither. Empty: none is set.
type AuthInfo struct {
	Sealed []byte `cbor:"1,keyasint,omitempty"`
	Salt   []byte `cbor:"2,keyasint,omitempty" since:"3"`
	Hash   []byte `cbor:"3,keyasint,omitempty" since:"3"` // SHA-256 of the salt and the value
}

// Grace is a running grace period (RFC 3915 §3.1).
type Grace struct {
	Kind   GraceKind `cbor:"1,keyasint"`
	Ends   Time      `cbor:"2,keyasint"`
	Charge uint64    `cbor:"3,keyasint,omitempty"` // ledger entry that a delete undoes; 0: none
}

// GraceKind says what began a grace period.
type GraceKind uint8

// The grace periods.
const (
	AddPeriod GraceKind = iota + 1
	RenewPeriod
	AutoRenewPeriod
	TransferPeriod
)

// Host is a name server (RFC 5732), by number: hosts can be renamed.
type Host struct {
	Object    `cbor:"1,keyasint"`
	Name      string   `cbor:"2,keyasint"`
	Addresses [][]byte `cbor:"3,keyasint,omitempty"` // 4 or 16 octets each, sorted
}

// Contact is a person or organisation (RFC 5733), by the client's identifier.
type Contact struct {
	Object   `cbor:"1,keyasint"`
	ID       string       `cbor:"2,keyasint"`
	Postal   []PostalInfo `cbor:"3,keyasint"` // one or two, of different types
	Voice    Phone        `cbor:"4,keyasint"`
	Fax      Phone        `cbor:"5,keyasint"`
	Email    string       `cbor:"6,keyasint"`
	AuthInfo AuthInfo     `cbor:"7,keyasint"`
	Disclose *Disclose    `cbor:"8,keyasint,omitempty"`           // nil: server policy
	Transfer *Transfer    `cbor:"9,keyasint,omitempty" since:"3"` // the newest, pending or ended
}

// PostalInfo is a name and address (RFC 5733 §2.4).
type PostalInfo struct {
	Type       string   `cbor:"1,keyasint"` // int or loc
	Name       string   `cbor:"2,keyasint"`
	Org        string   `cbor:"3,keyasint,omitempty"`
	Street     []string `cbor:"4,keyasint,omitempty"` // up to three lines
	City       string   `cbor:"5,keyasint"`
	Province   string   `cbor:"6,keyasint,omitempty"`
	PostalCode string   `cbor:"7,keyasint,omitempty"`
	Country    string   `cbor:"8,keyasint"` // ISO 3166-1, two capitals
}

// Phone is a telephone number (RFC 5733 §2.5).
type Phone struct {
	Number    string `cbor:"1,keyasint,omitempty"` // +CC.NUMBER
	Extension string `cbor:"2,keyasint,omitempty"`
}

// Disclose is the client's wish about publication (RFC 5733 §2.9).
type Disclose struct {
	Flag     bool     `cbor:"1,keyasint"` // true: publish the elements; false: don't
	Elements []string `cbor:"2,keyasint"` // name, org, addr with ":int" or ":loc"; voice, fax, email
}

// The tables of objects and their links. Links are by number, which ascends:
// a new link goes to the end of its host's or contact's rows.
var (
	domains      = store.Declare[Domain](10, "domains", false)          // name
	hosts        = store.Declare[Host](11, "hosts", false).Kept()       // number
	hostNames    = store.Declare[uint64](12, "host_names", false)       // name → number
	contacts     = store.Declare[Contact](13, "contacts", false).Kept() // id
	hostLinks    = store.Declare[string](14, "host_links", false)       // host number, domain number → domain name
	contactLinks = store.Declare[string](15, "contact_links", false)    // contact number, domain number → domain name
	due          = store.Declare[store.Empty](16, "due", false)         // time, domain name
)

func nameKey(name string) store.Key { return store.Key(nil).Name(name) }

func numberKey(n uint64) store.Key { return store.Key(nil).Uint(n) }

func textKey(s string) store.Key { return store.Key(nil).Text(s) }

// ROID is the repository object identifier (RFC 5730 §2.8) of the object with
// this number: a letter for its kind, the number, and the cluster's repository id.
func (v *View) ROID(kind byte, number uint64) string {
	return fmt.Sprintf("%c%d-%s", kind, number, v.Cluster().Repository)
}

// The letters that ROIDs begin with.
const (
	DomainROID  = 'D'
	HostROID    = 'H'
	ContactROID = 'C'
)

// Domain returns the domain called name as it stands at log time.
func (v *View) Domain(name string) (Domain, bool) {
	d, ok := domains.Get(v.r, nameKey(name))
	if !ok {
		return d, false
	}
	return v.settled(d)
}

// Domains calls fn for the domains below ancestor in canonical order, from the name from on ("": the
// first), until fn returns false.
func (v *View) Domains(ancestor, from string, fn func(Domain) bool) {
	var first store.Key
	if from != "" {
		first = nameKey(from)
	}
	domains.Scan(v.r, nameKey(ancestor), first, func(_ []byte, d Domain) bool {
		d, ok := v.settled(d)
		return !ok || fn(d)
	})
}

// DomainStatuses are the statuses to show for d: as set, with ok and inactive
// worked out (RFC 5731 §2.3).
func (v *View) DomainStatuses(d Domain) Statuses {
	s := d.Statuses
	if len(d.Hosts)+len(d.Attributes) == 0 {
		s |= Inactive
	}
	if s == 0 {
		s = OK
	}
	return s
}

// Host returns the host called name.
func (v *View) Host(name string) (Host, bool) {
	n, ok := hostNames.Get(v.r, nameKey(name))
	if !ok {
		return Host{}, false
	}
	h := v.HostByNumber(n)
	v.moveWithDomain(&h)
	return h, true
}

// moveWithDomain shows a subordinate host as moved when a transfer of its domain has come about by
// time-out and no entry has executed it yet.
func (v *View) moveWithDomain(h *Host) {
	name, internal := v.Superordinate(h.Name)
	if !internal {
		return
	}
	d, ok := domains.Get(v.r, nameKey(name))
	if ok && d.Statuses.Has(PendingTransfer) && d.Transfer.Acts <= v.Now() {
		h.Sponsor, h.Moved = d.Transfer.Requester, d.Transfer.Acts
	}
}

// HostByNumber returns the host with a number taken from another object.
func (v *View) HostByNumber(n uint64) Host {
	h, ok := hosts.Get(v.r, numberKey(n))
	if !ok {
		panic(fmt.Sprintf("invariant: host %d is linked but missing", n))
	}
	return h
}

// HostNames are the names of a domain's name servers: its host objects', in the order of their creation, and its attributes'.
func (v *View) HostNames(d Domain) []string {
	names := make([]string, len(d.Hosts), len(d.Hosts)+len(d.Attributes))
	for i, n := range d.Hosts {
		names[i] = v.HostByNumber(n).Name
	}
	for _, a := range d.Attributes {
		names = append(names, a.Name)
	}
	return names
}

// Subordinates are the names of the hosts at or below name, in canonical order.
func (v *View) Subordinates(name string) (names []string) {
	hostNames.Scan(v.r, nameKey(name), nil, func(_ []byte, n uint64) bool {
		names = append(names, v.HostByNumber(n).Name)
		return true
	})
	return names
}

// HostStatuses are the statuses to show for h (RFC 5732 §2.3).
func (v *View) HostStatuses(h Host) Statuses {
	return shown(h.Statuses, v.linked(hostLinks, h.Number))
}

// Contact returns the contact with the client's identifier id as it stands at log time.
func (v *View) Contact(id string) (Contact, bool) {
	n, ok := contacts.Get(v.r, textKey(id))
	if ok && n.Statuses.Has(PendingTransfer) {
		n.settle(v.Now())
	}
	return n, ok
}

// HasContact says whether there is a contact with the client's identifier id.
func (v *View) HasContact(id string) bool { return contacts.Has(v.r, textKey(id)) }

// ContactStatuses are the statuses to show for c (RFC 5733 §2.2).
func (v *View) ContactStatuses(c Contact) Statuses {
	return shown(c.Statuses, v.linked(contactLinks, c.Number))
}

// maxLinksLooked bounds the links that are looked at for one that counts.
const maxLinksLooked = 16

// linked says whether an object is linked to a domain that is there at log time: one whose purge is due isn't any more.
func (v *View) linked(links store.Table[string], number uint64) (is bool) {
	if v.Level() < 3 { // whose logs mean what they meant
		return links.Any(v.r, numberKey(number))
	}
	n := 0
	links.Scan(v.r, numberKey(number), nil, func(_ []byte, name string) bool {
		_, there := v.Domain(name)
		n++
		is = there || n == maxLinksLooked
		return !is
	})
	return is
}

// unlink executes the purges that are due of domains to which an object is linked that is to be deleted.
func (x *Exec) unlink(links store.Table[string], number uint64) {
	if x.Level() < 3 {
		return
	}
	var gone []string
	n := 0
	links.Scan(x.tx, numberKey(number), nil, func(_ []byte, name string) bool {
		if _, there := x.Domain(name); !there {
			gone = append(gone, name)
		}
		n++
		return n < maxLinksLooked
	})
	for _, name := range gone {
		x.settle(name)
	}
}

func shown(s Statuses, linked bool) Statuses {
	if s == 0 {
		s = OK
	}
	if linked {
		s |= Linked
	}
	return s
}

// Superordinate is the name of the domain that a host name would be subordinate
// to, whether it exists or not; ok is false for names outside of our TLDs.
func (v *View) Superordinate(host string) (domain string, ok bool) {
	tld, ok := v.TLDOf(host)
	if !ok {
		return "", false
	}
	rest := strings.TrimSuffix(host, "."+tld.Name)
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + tld.Name, true
}

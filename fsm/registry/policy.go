package registry

import (
	"cmp"
	"slices"

	"quorate/fsm/store"
)

// Cluster is what the cluster as a whole has agreed on.
type Cluster struct {
	Name       string `cbor:"1,keyasint"` // also in every certificate
	Repository string `cbor:"2,keyasint"` // the registered suffix of ROIDs (RFC 5730 §2.8)
	Level      uint16 `cbor:"3,keyasint"` // see Level: nothing above it is written
}

// Progress is what nearly every command moves on.
type Progress struct {
	LogTime Time   `cbor:"1,keyasint"` // never goes back
	Number  uint64 `cbor:"2,keyasint"` // the last object number given out
	Term    uint64 `cbor:"3,keyasint"` // of the newest NewTerm
	Leader  string `cbor:"4,keyasint"` // who wrote it
}

// Peer is a node of the cluster, as its peers should know it.
type Peer struct {
	ID      string `cbor:"1,keyasint"`
	Site    string `cbor:"2,keyasint"`
	Address string `cbor:"3,keyasint"` // host:port of its transport
}

// Registrar is a sponsoring client.
type Registrar struct {
	ID           string       `cbor:"1,keyasint"` // clID, 3 to 16 characters (RFC 5730 clIDType)
	Name         string       `cbor:"2,keyasint"`
	Password     string       `cbor:"3,keyasint"`           // argon2id hash, in PHC string form
	Certificates []string     `cbor:"4,keyasint,omitempty"` // SHA-256 fingerprints, lower-case hex; any one will do
	Suspended    bool         `cbor:"5,keyasint,omitempty"` // no login, no transform
	IANA         uint32       `cbor:"6,keyasint,omitempty"` // IANA Registrar ID; 0: none
	URL          string       `cbor:"7,keyasint,omitempty"`
	Whois        string       `cbor:"8,keyasint,omitempty"` // WHOIS server's host name
	RDAP         string       `cbor:"9,keyasint,omitempty"` // RDAP base URL
	AbuseEmail   string       `cbor:"10,keyasint,omitempty"`
	AbusePhone   string       `cbor:"11,keyasint,omitempty"` // +CC.NUMBER
	Postal       []PostalInfo `cbor:"12,keyasint,omitempty"`
	Voice        Phone        `cbor:"13,keyasint"`
	Fax          Phone        `cbor:"14,keyasint"`
	Email        string       `cbor:"15,keyasint,omitempty"`
	Created      Time         `cbor:"16,keyasint"`
	Updated      Time         `cbor:"17,keyasint,omitempty"`
	LastEvent    uint64       `cbor:"18,keyasint"`
	Bound        []Binding    `cbor:"19,keyasint,omitempty" since:"3"` // certificates, besides those above
	Networks     []Network    `cbor:"20,keyasint,omitempty" since:"3"` // where it may log in from; none: anywhere
	Sessions     uint32       `cbor:"21,keyasint,omitempty" since:"3"` // on all nodes together; 0: as Access says
	LockedUntil  Time         `cbor:"22,keyasint,omitempty" since:"3"` // no login before
	Contacts     ContactModel `cbor:"30,keyasint,omitempty" since:"3"` // where a TLD leaves it to registrars
}

// TLD is a top-level domain, or a suffix below one, under which names are registered.
type TLD struct {
	Name           string       `cbor:"1,keyasint"` // in lower case, no dots at the ends
	Thick          bool         `cbor:"2,keyasint"` // contacts are kept, and a registrant is required; otherwise they are refused
	Currency       string       `cbor:"3,keyasint"` // ISO 4217
	CreatePrice    int64        `cbor:"4,keyasint"` // minor units a year
	RenewPrice     int64        `cbor:"5,keyasint"` // minor units a year
	MaxYears       uint8        `cbor:"6,keyasint"` // longest registration, counted from now
	AddGrace       Time         `cbor:"7,keyasint"` // a duration, as are the next three
	RenewGrace     Time         `cbor:"8,keyasint"`
	AutoRenewGrace Time         `cbor:"9,keyasint"`
	DeleteDelay    Time         `cbor:"10,keyasint"`           // from a delete outside the add grace period to the purge
	Reserved       []string     `cbor:"11,keyasint,omitempty"` // first labels that can't be registered, sorted
	Nameservers    []Nameserver `cbor:"12,keyasint"`           // of the zone's apex
	SOA            SOA          `cbor:"13,keyasint"`
	TTL            TTLs         `cbor:"14,keyasint"`
	Created        Time         `cbor:"15,keyasint"`
	Updated        Time         `cbor:"16,keyasint,omitempty"`
	LastEvent      uint64       `cbor:"17,keyasint"`

	// What secures the delegations below it (RFC 5910).
	DNSSEC     DNSSECInterface `cbor:"34,keyasint,omitempty" since:"3"`
	MaxDS      uint8           `cbor:"35,keyasint,omitempty" since:"3"` // of a domain; 0: DefaultDomainDS
	MaxSigLife uint32          `cbor:"36,keyasint,omitempty" since:"3"` // the longest that a domain may ask for, in seconds; 0: DefaultSigLife
	// What its domains are made of.
	PerRegistrar     bool     `cbor:"18,keyasint,omitempty" since:"3"` // a registrar's own model (Registrar.Contacts) comes before Thick
	RequiredContacts []string `cbor:"19,keyasint,omitempty" since:"3"` // types that a domain with contacts needs, sorted
	RefusedContacts  []string `cbor:"20,keyasint,omitempty" since:"3"` // types that it can't have, sorted
	HostAttributes   bool     `cbor:"21,keyasint,omitempty" since:"3"` // name servers are attributes of domains; otherwise host objects

	// Zone is the TLD in whose zone this one's domains are published, as below an empty non-terminal; "": a zone of its own.
	Zone          string `cbor:"22,keyasint,omitempty" since:"3"`
	TransferPrice *int64 `cbor:"30,keyasint,omitempty" since:"3"` // minor units a year; nil: the price of a renewal
	TransferWait  *Time  `cbor:"31,keyasint,omitempty" since:"3"` // how long a losing registrar has to answer; nil: DefaultTransferWait
	TransferGrace *Time  `cbor:"32,keyasint,omitempty" since:"3"` // nil: DefaultTransferGrace
}

// Nameserver is an authoritative server of a TLD's own zone.
type Nameserver struct {
	Name      string   `cbor:"1,keyasint"`
	Addresses [][]byte `cbor:"2,keyasint,omitempty"` // 4 or 16 octets; wanted when the name is in the zone
}

// SOA has the fields of a zone's SOA record (RFC 1035 §3.3.13) but the serial; times are in seconds.
type SOA struct {
	MName   string `cbor:"1,keyasint"` // primary server
	RName   string `cbor:"2,keyasint"` // mailbox, as a domain name
	Refresh uint32 `cbor:"3,keyasint"`
	Retry   uint32 `cbor:"4,keyasint"`
	Expire  uint32 `cbor:"5,keyasint"`
	Minimum uint32 `cbor:"6,keyasint"` // negative answers' TTL (RFC 2308)
}

// TTLs are the times to live in a zone, in seconds.
type TTLs struct {
	Apex       uint32 `cbor:"1,keyasint"` // SOA and NS at the apex
	Delegation uint32 `cbor:"2,keyasint"` // NS at cuts
	Glue       uint32 `cbor:"3,keyasint"` // A and AAAA
}

// clusterRow and progressRow are the keys of the only rows in their tables.
var (
	clusterRow  = store.Key{0}
	progressRow = store.Key{0}
)

var (
	cluster       = store.Declare[Cluster](1, "cluster", false).Kept()
	progress      = store.Declare[Progress](2, "progress", false)
	peers         = store.Declare[Peer](3, "peers", false).Kept()           // node id
	registrars    = store.Declare[Registrar](4, "registrars", false).Kept() // clID
	registrarIANA = store.Declare[string](5, "registrars_by_iana", false)   // IANA id → clID
	tlds          = store.Declare[TLD](6, "tlds", false).Kept()             // name
)

// Cluster is what the cluster has agreed on; empty before it has.
func (v *View) Cluster() Cluster {
	c, _ := cluster.Get(v.r, clusterRow)
	return c
}

// Progress is where the log has brought the state.
func (v *View) Progress() Progress {
	p, _ := progress.Get(v.r, progressRow)
	return p
}

// Peers are the cluster's nodes, by id.
func (v *View) Peers() (all []Peer) {
	peers.Scan(v.r, nil, nil, func(_ []byte, p Peer) bool { all = append(all, p); return true })
	return all
}

// Registrar returns the registrar with this clID.
func (v *View) Registrar(id string) (Registrar, bool) { return registrars.Get(v.r, textKey(id)) }

// RegistrarByIANA returns the registrar with this IANA Registrar ID.
func (v *View) RegistrarByIANA(id uint32) (Registrar, bool) {
	clID, ok := registrarIANA.Get(v.r, numberKey(uint64(id)))
	if !ok {
		return Registrar{}, false
	}
	return v.Registrar(clID)
}

// Registrars are all registrars, by clID.
func (v *View) Registrars() (all []Registrar) {
	registrars.Scan(v.r, nil, nil, func(_ []byte, r Registrar) bool { all = append(all, r); return true })
	return all
}

// TLD returns the TLD called name.
func (v *View) TLD(name string) (TLD, bool) { return tlds.Get(v.r, nameKey(name)) }

// TLDs are all TLDs, in canonical order.
func (v *View) TLDs() (all []TLD) {
	tlds.Scan(v.r, nil, nil, func(_ []byte, t TLD) bool { all = append(all, t); return true })
	return all
}

// TLDOf returns the TLD that name is below: the longest that matches.
func (v *View) TLDOf(name string) (TLD, bool) {
	for p := parent(name); p != ""; p = parent(p) {
		if t, ok := v.TLD(p); ok {
			return t, true
		}
	}
	return TLD{}, false
}

// leadsToTLD says whether a name is a TLD's or above one's: a delegation there would take all of the TLD's names out of the zone.
func (v *View) leadsToTLD(name string) bool {
	if v.Level() < 3 { // whose logs mean what they meant
		_, is := v.TLD(name)
		return is
	}
	return tlds.Any(v.r, nameKey(name))
}

// zone is the name of the zone that the TLD's domains are published in.
func (t *TLD) zone() string { return cmp.Or(t.Zone, t.Name) }

// reserves says whether the registry keeps the first label of name for itself.
func (t *TLD) reserves(name string) bool {
	label := name[:len(name)-len(t.Name)-1]
	_, found := slices.BinarySearch(t.Reserved, label)
	return found
}

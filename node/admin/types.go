// Package admin is the operators' API of a node: JSON over HTTPS, for holders
// of an operator's certificate from the cluster's CA. It has the server's
// handlers and the client that the command line and the test harness use.
package admin

// Status is GET /v1/status: what one node knows of itself and the cluster.
type Status struct {
	Cluster    string `json:"cluster"`
	Node       string `json:"node"`
	Site       string `json:"site"`
	State      string `json:"state"`  // leader, follower, candidate or shutdown
	Leader     string `json:"leader"` // node id; "" when none is known
	Term       uint64 `json:"term"`
	Committed  uint64 `json:"committed"` // raft index
	Applied    uint64 `json:"applied"`   // raft index of the state
	Digest     string `json:"digest"`    // of the state at Applied
	LogTime    string `json:"log_time"`
	StateBytes int64  `json:"state_bytes"`
	Pending    int    `json:"pending"` // command results that are held
	Ready      string `json:"ready"`   // "ok", or why EPP can't be served
	DNS        string `json:"dns"`     // "ok", or why resolvers are better off elsewhere
	Incidents  int    `json:"incidents"`
	Zones      []Zone `json:"zones"`
	Peers      []Peer `json:"peers"`
	Version    string `json:"version"`
	Level      int    `json:"level"` // of the cluster, as this node knows it
	Reads      int    `json:"reads"` // the highest level that this node's binary reads
}

// ClusterLevel is GET /v1/level, and the answer to POST /v1/level/raise.
type ClusterLevel struct {
	Level   int           `json:"level"`
	Brought string        `json:"brought,omitempty"` // what the level brought; "" when the node that answers doesn't know it
	Next    string        `json:"next,omitempty"`    // what the level after it would bring, if that node reads it
	Members []MemberLevel `json:"members"`
}

// MemberLevel is what a member's binary reads.
type MemberLevel struct {
	Node  string `json:"node"`
	Reads int    `json:"reads"` // the highest level; 0 if it didn't say
	Error string `json:"error,omitempty"`
}

// Zone is a zone's position, in the state and as served.
type Zone struct {
	Name   string `json:"name"`
	Serial uint32 `json:"serial"`
	Served uint32 `json:"served"`
	Dirty  int    `json:"dirty"` // names to publish, counted up to a bound

	Withheld  bool    `json:"withheld,omitempty"` // this node doesn't answer for it
	Troubles  int     `json:"troubles,omitempty"` // at the leader: what it can't do for it though it tries
	Held      uint64  `json:"held,omitempty"`     // names that are held back
	Frozen    bool    `json:"frozen,omitempty"`
	Signature float64 `json:"signature,omitempty"` // seconds until the first signature ends; 0: unsigned
	Refresh   float64 `json:"refresh,omitempty"`   // seconds before their end at which signatures are renewed
}

// Peer is another node, as seen from this one.
type Peer struct {
	ID        string  `json:"id"`
	Site      string  `json:"site"`
	Address   string  `json:"address"`
	Voter     bool    `json:"voter"`
	Connected bool    `json:"connected"`
	RTT       float64 `json:"rtt_ms"`
}

// Digest is GET /v1/digest?index=N: the state's digest right after entry N.
type Digest struct {
	Index  uint64 `json:"index"`
	Digest string `json:"digest"`
}

// TLD is a TLD, as created (POST /v1/tlds) and shown (GET /v1/tlds, /v1/tlds/NAME).
// Money is in decimal: "8.50". Durations are as in "120h". On creation only Name
// and Nameservers are needed; what is empty or nought takes its default (defaults.go).
type TLD struct {
	Name           string       `json:"name"`
	Model          string       `json:"model"` // thick (contacts are kept) or thin
	Currency       string       `json:"currency"`
	CreatePrice    string       `json:"create_price"`
	RenewPrice     string       `json:"renew_price"`
	MaxYears       int          `json:"max_years"`
	AddGrace       string       `json:"add_grace"`
	RenewGrace     string       `json:"renew_grace"`
	AutoRenewGrace string       `json:"auto_renew_grace"`
	DeleteDelay    string       `json:"delete_delay"`
	Reserved       []string     `json:"reserved"` // first labels that can't be registered; on creation null: the usual ones
	Nameservers    []Nameserver `json:"nameservers"`
	SOA            SOA          `json:"soa"`
	TTL            TTL          `json:"ttl"`
	SecDNS         SecDNS       `json:"secdns"`

	PerRegistrar     bool     `json:"per_registrar,omitempty"`     // a registrar's own model comes before the TLD's
	RequiredContacts []string `json:"required_contacts,omitempty"` // types that a domain with contacts needs: admin, billing, tech
	RefusedContacts  []string `json:"refused_contacts,omitempty"`  // types that it can't have
	Hosts            string   `json:"hosts"`                       // name servers are objects or attributes
	Zone             string   `json:"zone,omitempty"`              // the TLD in whose zone the names are published; "": its own
	TransferPrice    string   `json:"transfer_price,omitempty"`    // a year; "": the price of a renewal
	TransferWait     string   `json:"transfer_wait,omitempty"`     // how long a losing registrar has to answer; "": the usual time
	TransferGrace    string   `json:"transfer_grace,omitempty"`    // "": the usual time

	Created string `json:"created,omitempty"`
	Serial  uint32 `json:"serial"` // on creation: the serial to continue after

	Unsigned bool `json:"unsigned,omitempty"` // on creation only: the zone begins without DNSSEC
}

// SecDNS is what a TLD takes from registrars to secure its delegations (RFC 5910).
type SecDNS struct {
	Interface  string `json:"interface"`    // dsData: DS records; keyData: keys, of which the registry makes them
	MaxRecords int    `json:"max_records"`  // of a domain
	MaxSigLife uint32 `json:"max_sig_life"` // the longest maxSigLife, in seconds
}

// Nameserver is a name server of a TLD's apex.
type Nameserver struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"`
}

// SOA has a zone's timers, in seconds.
type SOA struct {
	MName   string `json:"mname"`
	RName   string `json:"rname"`
	Refresh uint32 `json:"refresh"`
	Retry   uint32 `json:"retry"`
	Expire  uint32 `json:"expire"`
	Minimum uint32 `json:"minimum"`
}

// TTL has a zone's times to live, in seconds.
type TTL struct {
	Apex       uint32 `json:"apex"`
	Delegation uint32 `json:"delegation"`
	Glue       uint32 `json:"glue"`
}

// Registrar is a registrar, as created (POST /v1/registrars) and shown (GET /v1/registrars, /v1/registrars/ID).
type Registrar struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	Password     string        `json:"password,omitempty"`     // on creation only; never shown
	Certificates []string      `json:"certificates,omitempty"` // SHA-256 fingerprints, hex
	Suspended    bool          `json:"suspended,omitempty"`
	IANA         uint32        `json:"iana,omitempty"`
	URL          string        `json:"url,omitempty"`
	Whois        string        `json:"whois,omitempty"`
	RDAP         string        `json:"rdap,omitempty"`
	AbuseEmail   string        `json:"abuse_email,omitempty"`
	AbusePhone   string        `json:"abuse_phone,omitempty"`
	Email        string        `json:"email,omitempty"`
	Voice        string        `json:"voice,omitempty"`
	Street       []string      `json:"street,omitempty"`
	City         string        `json:"city,omitempty"`
	Province     string        `json:"province,omitempty"`
	PostalCode   string        `json:"postal_code,omitempty"`
	Country      string        `json:"country,omitempty"`
	Networks     []string      `json:"networks,omitempty"`     // CIDR; none: it may come from anywhere
	MaxSessions  uint32        `json:"max_sessions,omitempty"` // on all nodes together; 0: as for all
	Contacts     string        `json:"contacts,omitempty"`     // with or without contacts, where a TLD leaves it to registrars; "": as the TLD has it
	Bound        []Certificate `json:"bound,omitempty"`        // shown: certificates that have a time, or are known by names
	LockedUntil  string        `json:"locked_until,omitempty"` // shown
	Balances     []Balance     `json:"balances,omitempty"`     // shown
	Created      string        `json:"created,omitempty"`
}

// Balance is what a registrar has.
type Balance struct {
	Currency    string `json:"currency"`
	Balance     string `json:"balance"`
	CreditLimit string `json:"credit_limit"`
}

// Deposit is POST /v1/registrars/ID/deposits.
type Deposit struct {
	Currency    string  `json:"currency"`
	Amount      string  `json:"amount"`
	CreditLimit *string `json:"credit_limit,omitempty"` // nil: as it is
}

// Posting is a movement of money on a registrar's account: GET /v1/registrars/ID/ledger.
type Posting struct {
	Number   uint64 `json:"number"` // of the ledger entry
	Time     string `json:"time"`
	Amount   string `json:"amount"` // negative: paid by the registrar
	Currency string `json:"currency"`
	Why      string `json:"why"` // deposit, create, renew, autorenew, refund
	Object   string `json:"object,omitempty"`
	Undoes   uint64 `json:"undoes,omitempty"` // the entry that a refund undoes
	Balance  string `json:"balance"`          // after it
}

// Incident is a command that broke an invariant and was dropped or, if Found says what, found one broken: GET /v1/incidents.
type Incident struct {
	Index uint64 `json:"index"`
	Time  string `json:"time"`
	ID    string `json:"id"`
	Kind  uint16 `json:"kind"`
	Found string `json:"found,omitempty"`
}

// Record is an event in the history: GET /v1/history?actor=A&cltrid=T, or ?from=INDEX.
type Record struct {
	Index  uint64 `json:"index"`
	Time   string `json:"time"`
	Actor  string `json:"actor"`
	ID     string `json:"id"`
	ClTRID string `json:"cltrid,omitempty"`
	Event  string `json:"event"`
	Object string `json:"object"`
}

// Problem is the body of every answer that isn't a success.
type Problem struct {
	Code    int    `json:"code,omitempty"` // EPP result code (RFC 5730 §3), where the registry or a check before it refused
	Message string `json:"message"`
	ClTRID  string `json:"cltrid,omitempty"` // of the command, as given: the history can be searched for it
	ID      string `json:"id,omitempty"`     // of the command, once it had one
}

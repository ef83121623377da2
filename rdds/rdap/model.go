package rdap

// The JSON of RFC 9083 and RFC 9537, as far as it is used here. The order of the fields is that of the output,
// which depends on nothing but the data: every node writes the same octets.

// Answer is what the topmost object of an answer has beside its own members.
type Answer struct {
	Conformance []string `json:"rdapConformance,omitempty"` // RFC 9083 §4.1
	Notices     []Notice `json:"notices,omitempty"`         // RFC 9083 §4.3
}

// Domain is a domain (RFC 9083 §5.3).
type Domain struct {
	Answer
	ObjectClassName string       `json:"objectClassName"`
	Handle          string       `json:"handle"`
	LDHName         string       `json:"ldhName"`
	Status          []string     `json:"status"`
	Events          []Event      `json:"events"`
	SecureDNS       SecureDNS    `json:"secureDNS"`
	Nameservers     []Nameserver `json:"nameservers,omitempty"`
	Entities        []Entity     `json:"entities"`
	Links           []Link       `json:"links"`
	Port43          string       `json:"port43,omitempty"`
	Redacted        []Redaction  `json:"redacted,omitempty"`
}

// Nameserver is a host (RFC 9083 §5.2).
type Nameserver struct {
	Answer
	ObjectClassName string       `json:"objectClassName"`
	Handle          string       `json:"handle,omitempty"`
	LDHName         string       `json:"ldhName"`
	Status          []string     `json:"status,omitempty"`
	IPAddresses     *IPAddresses `json:"ipAddresses,omitempty"`
	Events          []Event      `json:"events,omitempty"`
	Entities        []Entity     `json:"entities,omitempty"`
	Links           []Link       `json:"links,omitempty"`
	Port43          string       `json:"port43,omitempty"`
}

// Entity is a registrar, or a contact in a role (RFC 9083 §5.1).
type Entity struct {
	Answer
	ObjectClassName string     `json:"objectClassName"`
	Handle          string     `json:"handle,omitempty"`
	VCard           *JCard     `json:"vcardArray,omitempty"`
	Roles           []string   `json:"roles"`
	PublicIDs       []PublicID `json:"publicIds,omitempty"`
	Events          []Event    `json:"events,omitempty"`
	Entities        []Entity   `json:"entities,omitempty"`
	Links           []Link     `json:"links,omitempty"`
	Port43          string     `json:"port43,omitempty"`
}

// Error is an answer without an object (RFC 9083 §6).
type Error struct {
	Answer
	Code        int      `json:"errorCode"` // the HTTP status
	Title       string   `json:"title"`
	Description []string `json:"description,omitempty"`
}

// Notice tells about the service or the answer (RFC 9083 §4.3).
type Notice struct {
	Title       string   `json:"title"`
	Description []string `json:"description"`
	Links       []Link   `json:"links,omitempty"`
}

// Link is a typed link (RFC 9083 §4.2); Value is the URL of what it leads away from.
type Link struct {
	Value string `json:"value"`
	Rel   string `json:"rel"`
	Href  string `json:"href"`
	Type  string `json:"type,omitempty"`
}

// Event is something that happened or will happen to an object (RFC 9083 §4.5).
type Event struct {
	Action string `json:"eventAction"`
	Date   string `json:"eventDate"` // RFC 3339
}

// SecureDNS says whether and how a domain's delegation is signed (RFC 9083 §5.3).
type SecureDNS struct {
	DelegationSigned bool      `json:"delegationSigned"`
	MaxSigLife       uint32    `json:"maxSigLife,omitempty"` // seconds
	DSData           []DSData  `json:"dsData,omitempty"`
	KeyData          []KeyData `json:"keyData,omitempty"`
}

// DSData is a DS record.
type DSData struct {
	KeyTag     uint16 `json:"keyTag"`
	Algorithm  uint8  `json:"algorithm"`
	Digest     string `json:"digest"` // hex
	DigestType uint8  `json:"digestType"`
}

// KeyData is a key of which the registry makes a DS record.
type KeyData struct {
	Flags     uint16 `json:"flags"`
	Protocol  uint8  `json:"protocol"`
	PublicKey string `json:"publicKey"` // base64
	Algorithm uint8  `json:"algorithm"`
}

// IPAddresses are a host's addresses (RFC 9083 §5.2).
type IPAddresses struct {
	V4 []string `json:"v4,omitempty"`
	V6 []string `json:"v6,omitempty"`
}

// PublicID is an identifier that others gave to an entity (RFC 9083 §4.8).
type PublicID struct {
	Type       string `json:"type"`
	Identifier string `json:"identifier"`
}

// Redaction says what was withheld, and how (RFC 9537 §4.2).
type Redaction struct {
	Name     RedactionName `json:"name"`
	PrePath  string        `json:"prePath,omitempty"`
	PostPath string        `json:"postPath,omitempty"`
	PathLang string        `json:"pathLang"`
	Method   string        `json:"method,omitempty"` // removal if absent
	Reason   Reason        `json:"reason"`
}

// RedactionName names a redacted field: by a registered name, or else by a description.
type RedactionName struct {
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
}

// Reason says why a field was redacted.
type Reason struct {
	Description string `json:"description"`
}

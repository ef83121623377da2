package admin

// ZoneStatus is a zone in whole: GET /v1/zones/NAME, and the answer to every change of one.
type ZoneStatus struct {
	Name        string      `json:"name"`
	Serial      uint32      `json:"serial"`
	Changed     string      `json:"changed"` // when the newest serial was published
	Form        string      `json:"form"`    // as published: unsigned, nsec3, nsec3-opt-out or nsec
	Delegations uint64      `json:"delegations"`
	Journal     uint32      `json:"journal"`                // serials that IXFR can begin at
	Marked      int         `json:"marked"`                 // names to publish, counted up to a bound
	Behind      float64     `json:"behind"`                 // seconds since the oldest of them was marked, as far as is known
	FirstExpiry string      `json:"first_expiry,omitempty"` // when the first signature ends
	Frozen      bool        `json:"frozen,omitempty"`
	RollingBack *uint32     `json:"rolling_back,omitempty"` // the serial whose content is being published
	Held        uint64      `json:"held,omitempty"`         // names that are held back
	HeldNames   []HeldName  `json:"held_names,omitempty"`   // the first of them
	Building    *Edition    `json:"building,omitempty"`     // the edition in the making
	Troubles    []Trouble   `json:"troubles,omitempty"`     // what the leader can't do for it
	Policy      *ZonePolicy `json:"policy,omitempty"`       // none: the zone is as before level 3
	Keys        []ZoneKey   `json:"keys"`
	Records     []string    `json:"records"` // operators' records
}

// HeldName is a name that is not published as it should be.
type HeldName struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Trouble is what the leader can't do for a zone though it has tried again and again.
type Trouble struct {
	Duty     string `json:"duty"` // what it is
	Why      string `json:"why"`  // the last refusal
	Since    string `json:"since,omitempty"`
	Next     string `json:"next,omitempty"` // when it is tried again, if nothing is changed about the zone before
	Attempts int    `json:"attempts"`
}

// Edition is an edition of a zone that is in the making.
type Edition struct {
	Form   string `json:"form"`
	Phase  string `json:"phase"`
	RRsets uint64 `json:"rrsets"`
	Begun  string `json:"begun"`
}

// ZonePolicy is how a zone is published. Durations are as in "336h".
type ZonePolicy struct {
	Form          string `json:"form"`
	Algorithm     int    `json:"algorithm"` // of keys that are made
	Split         bool   `json:"split"`     // KSK and ZSK apart
	Validity      string `json:"validity"`
	Jitter        string `json:"jitter"`
	Refresh       string `json:"refresh"`
	Inception     string `json:"inception"`
	KeyTTL        uint32 `json:"key_ttl"`
	Wildcards     bool   `json:"wildcards"`
	NoCDS         bool   `json:"no_cds"`
	BreakerShare  int    `json:"breaker_share"` // thousandths
	BreakerLeast  uint64 `json:"breaker_least"`
	BreakerWindow string `json:"breaker_window"`
}

// ZonePolicyChange is PATCH /v1/zones/NAME/policy: null stays as it is.
type ZonePolicyChange struct {
	Form          *string `json:"form,omitempty"`
	Algorithm     *int    `json:"algorithm,omitempty"`
	Split         *bool   `json:"split,omitempty"`
	Validity      *string `json:"validity,omitempty"`
	Jitter        *string `json:"jitter,omitempty"`
	Refresh       *string `json:"refresh,omitempty"`
	Inception     *string `json:"inception,omitempty"`
	KeyTTL        *uint32 `json:"key_ttl,omitempty"`
	Wildcards     *bool   `json:"wildcards,omitempty"`
	NoCDS         *bool   `json:"no_cds,omitempty"`
	BreakerShare  *int    `json:"breaker_share,omitempty"`
	BreakerLeast  *uint64 `json:"breaker_least,omitempty"`
	BreakerWindow *string `json:"breaker_window,omitempty"`
	Anew          bool    `json:"anew,omitempty"` // make the zone anew in any case
}

// ZoneAction is POST /v1/zones/NAME/actions.
type ZoneAction struct {
	Do string `json:"do"`           // freeze, thaw, release, rollback, serial or abandon
	To uint32 `json:"to,omitempty"` // rollback, serial: the serial
}

// RecordsChange is PATCH /v1/zones/NAME/records: operators' records.
type RecordsChange struct {
	Remove []string `json:"remove,omitempty"` // "nic TXT": owner and type
	Set    []string `json:"set,omitempty"`    // lines of a master file; all records of a name and type at once
}

// ZoneKey is a key of a zone, without its private part.
type ZoneKey struct {
	Number    uint64 `json:"number"`
	Kind      string `json:"kind"` // csk, ksk or zsk
	Algorithm int    `json:"algorithm"`
	Tag       int    `json:"tag"`
	State     string `json:"state"` // generated, published, active, retired or removed (RFC 7583 §3.1)
	Private   bool   `json:"private"`
	Created   string `json:"created"`
	Published string `json:"published,omitempty"`
	Active    string `json:"active,omitempty"`
	Retired   string `json:"retired,omitempty"`
	Removed   string `json:"removed,omitempty"`
	DNSKEY    string `json:"dnskey"`
}

// KeyTimes are instants (RFC 3339), "now", or from now as in "+720h"; "" is none, or as it is.
type KeyTimes struct {
	Published string `json:"published,omitempty"`
	Active    string `json:"active,omitempty"`
	Retired   string `json:"retired,omitempty"`
	Removed   string `json:"removed,omitempty"`
}

// NewKey is POST /v1/zones/NAME/keys.
type NewKey struct {
	KeyTimes
	Kind      string `json:"kind"`
	Algorithm int    `json:"algorithm,omitempty"` // 0: the policy's
	Private   string `json:"private,omitempty"`   // a key's file to take; "": one is made
}

// KeyChange is PATCH /v1/zones/NAME/keys/NUMBER.
type KeyChange struct {
	KeyTimes
	Force bool `json:"force,omitempty"` // even if what the key has signed is still in the zone, or nothing can be signed any more
}

// PrivateKey is GET /v1/zones/NAME/keys/NUMBER/private.
type PrivateKey struct {
	Tag       int    `json:"tag"`
	Algorithm int    `json:"algorithm"`
	DNSKEY    string `json:"dnskey"`
	Private   string `json:"private"` // BIND's form
}

// DelegationSigners is GET /v1/zones/NAME/ds: what the parent needs.
type DelegationSigners struct {
	DS     []string `json:"ds"`
	DNSKEY []string `json:"dnskey"`
}

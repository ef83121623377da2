package admin

import (
	"slices"

	"quorate/fsm/registry"
)

// What a TLD has when its creation doesn't say. Money is in the TLD's currency.
const (
	DefaultCurrency       = "USD"
	DefaultCreatePrice    = "8"    // a year
	DefaultRenewPrice     = "8"    // a year
	DefaultAddGrace       = "120h" // 5 days, customary for generic TLDs
	DefaultRenewGrace     = "120h"
	DefaultAutoRenewGrace = "1080h" // 45 days
	DefaultDeleteDelay    = "840h"  // 30 days of redemption and 5 of pending delete
	DefaultMaxYears       = 10

	DefaultRefresh = 900 // seconds, as are all below; secondaries hear of changes by NOTIFY long before
	DefaultRetry   = 300
	DefaultExpire  = 1209600 // 14 days
	DefaultMinimum = 900     // for how long resolvers believe that a name isn't there
	DefaultTTL     = 3600    // apex, delegations and glue

	DefaultMaxDS      = registry.DefaultDomainDS
	DefaultMaxSigLife = registry.DefaultSigLife
)

// DefaultReserved are the labels that a registry keeps for itself, unless told otherwise.
var DefaultReserved = []string{"nic", "rdds", "whois", "www"}

// withDefaults fills what t leaves open. The primary server is the first name server.
func (t TLD) withDefaults() TLD {
	set(&t.Model, modelThick)
	set(&t.Hosts, hostObjects)
	set(&t.Currency, DefaultCurrency)
	set(&t.CreatePrice, DefaultCreatePrice)
	set(&t.RenewPrice, DefaultRenewPrice)
	set(&t.AddGrace, DefaultAddGrace)
	set(&t.RenewGrace, DefaultRenewGrace)
	set(&t.AutoRenewGrace, DefaultAutoRenewGrace)
	set(&t.DeleteDelay, DefaultDeleteDelay)
	set(&t.MaxYears, DefaultMaxYears)
	if t.Reserved == nil {
		t.Reserved = slices.Clone(DefaultReserved)
	}
	if t.Zone != "" {
		return t // whose zone has the rest
	}
	if len(t.Nameservers) > 0 {
		set(&t.SOA.MName, t.Nameservers[0].Name)
	}
	set(&t.SOA.RName, "hostmaster.nic."+t.Name)
	set(&t.SOA.Refresh, DefaultRefresh)
	set(&t.SOA.Retry, DefaultRetry)
	set(&t.SOA.Expire, DefaultExpire)
	set(&t.SOA.Minimum, DefaultMinimum)
	set(&t.TTL.Apex, DefaultTTL)
	set(&t.TTL.Delegation, DefaultTTL)
	set(&t.TTL.Glue, DefaultTTL)
	return t
}

func set[T comparable](field *T, value T) {
	var none T
	if *field == none {
		*field = value
	}
}

package rdds

import (
	"slices"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// graceNames are the statuses of RFC 3915 §3.1.
var graceNames = map[registry.GraceKind]string{
	registry.AddPeriod:       "addPeriod",
	registry.RenewPeriod:     "renewPeriod",
	registry.AutoRenewPeriod: "autoRenewPeriod",
	registry.TransferPeriod:  "transferPeriod",
}

// DomainStatuses are the EPP status values to publish for d, each once: those of RFC 5731 §2.3, then the
// running grace periods of RFC 3915 §3.1.
func DomainStatuses(v fsm.View, d registry.Domain) []string {
	names := v.DomainStatuses(d).Names()
	for _, g := range d.Grace {
		if name := graceNames[g.Kind]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

package consensus

import (
	"fmt"
	"slices"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// model is the registry as the simulation understands it: written from the
// rules, not from the code, and small. It foretells each command's code.
type model struct {
	now     registry.Time
	members []string
	domains map[string]*modelDomain
	balance map[string]int64
	serial  uint32
}

type modelDomain struct {
	sponsor string
	expires registry.Time
	purge   registry.Time // 0: not deleted
	hosts   []string      // sorted
	graces  []modelGrace
}

// modelGrace is money that comes back if the domain is deleted before it ends.
type modelGrace struct {
	add    bool
	ends   registry.Time
	amount int64
}

func newModel() *model {
	return &model{domains: map[string]*modelDomain{}, balance: map[string]int64{}}
}

// logTime is when a command with a stamp executes.
func (m *model) logTime(cmd registry.Command, stamp registry.Time) registry.Time {
	switch {
	case stamp <= m.now, cmd.Kind == registry.KindNewTerm && m.now != 0:
		return m.now
	case m.now == 0, stamp-m.now <= registry.Hour:
		return stamp
	case cmd.Kind == registry.KindTick:
		var t registry.Tick
		_ = store.Decode(cmd.Body, &t)
		agree := 0
		for _, c := range t.Clocks {
			if slices.Contains(m.members, c.Node) && max(c.Time-stamp, stamp-c.Time) <= 2*registry.Second {
				agree++
			}
		}
		if 2*agree > len(m.members) {
			return stamp
		}
	}
	return m.now
}

// execute follows a command; the error says that its result is not what it must be.
func (m *model) execute(cmd registry.Command, stamp registry.Time, result registry.Result) error {
	now := m.logTime(cmd, stamp)
	code, done := m.decide(cmd, now)
	if code != 0 && code != result.Code {
		return fmt.Errorf("kind %d came to %d %v, must be %d", cmd.Kind, result.Code, result.Fail, code)
	}
	if result.Code == registry.CommandFailed {
		return fmt.Errorf("kind %d: %v", cmd.Kind, result.Fail)
	}
	m.now = now // also when it is refused
	if result.Code.Failed() {
		return nil
	}
	if done != nil {
		done()
	}
	return nil
}

// decide is the code that a command must come to at a time (0: any), and its effect if it is a success.
func (m *model) decide(cmd registry.Command, now registry.Time) (registry.Code, func()) {
	as := cmd.Actor.Name
	switch cmd.Kind {
	case registry.KindTick, registry.KindNewTerm, registry.KindCompareDigests:
		return registry.Success, nil
	case registry.KindPeerPut:
		p := body[registry.Peer](cmd)
		return registry.Success, func() {
			if !slices.Contains(m.members, p.ID) {
				m.members = append(m.members, p.ID)
			}
		}
	case registry.KindPublishZone:
		p := body[registry.Publication](cmd)
		if p.Base != m.serial {
			return registry.ParameterPolicy, nil
		}
		return 0, func() { m.serial = p.Serial }
	case registry.KindRegistrarFund:
		c := body[registry.RegistrarFund](cmd)
		return 0, func() { m.balance[c.ID] += c.Amount }
	case registry.KindDomainCreate:
		return m.create(as, body[registry.DomainCreate](cmd), now)
	case registry.KindDomainRenew, registry.KindDomainUpdate, registry.KindDomainDelete:
		return m.transform(cmd, now)
	}
	return 0, nil
}

func body[B any](cmd registry.Command) (b B) {
	if err := store.Decode(cmd.Body, &b); err != nil {
		panic(err)
	}
	return b
}

// domain is a domain at a time.
func (m *model) domain(name string, now registry.Time) *modelDomain {
	d := m.domains[name]
	if d == nil || d.purge != 0 && d.purge <= now {
		return nil
	}
	return d
}

func (m *model) create(as string, c registry.DomainCreate, now registry.Time) (registry.Code, func()) {
	years := int64(c.Months / 12)
	price := simTLD.CreatePrice * years
	switch {
	case m.domain(c.Name, now) != nil:
		return registry.ObjectExists, nil
	case m.balance[as] < price:
		return registry.BillingFailure, nil
	}
	return registry.Success, func() {
		m.balance[as] -= price
		m.domains[c.Name] = &modelDomain{
			sponsor: as, expires: now.AddMonths(int(c.Months)), hosts: slices.Clone(c.Hosts),
			graces: []modelGrace{{add: true, ends: now + simTLD.AddGrace, amount: price}},
		}
	}
}

// transform is a change of a domain that must be there and the client's.
func (m *model) transform(cmd registry.Command, now registry.Time) (registry.Code, func()) {
	as := cmd.Actor.Name
	switch cmd.Kind {
	case registry.KindDomainRenew:
		c := body[registry.DomainRenew](cmd)
		d, code := m.sponsored(as, c.Name, now)
		switch {
		case code != 0:
			return code, nil
		case d.expires-d.expires%registry.Day != c.Current:
			return registry.ParameterPolicy, nil
		case d.expires.AddMonths(int(c.Months)) > now.AddMonths(12*int(simTLD.MaxYears)):
			return registry.NotEligibleForRenewal, nil
		case m.balance[as] < simTLD.RenewPrice:
			return registry.BillingFailure, nil
		}
		return registry.Success, func() {
			m.balance[as] -= simTLD.RenewPrice
			d.expires = d.expires.AddMonths(int(c.Months))
			d.graces = append(d.graces, modelGrace{ends: now + simTLD.RenewGrace, amount: simTLD.RenewPrice})
		}
	case registry.KindDomainUpdate:
		c := body[registry.DomainUpdate](cmd)
		d, code := m.sponsored(as, c.Name, now)
		if code != 0 {
			return code, nil
		}
		for _, h := range c.RemoveHosts {
			if !slices.Contains(d.hosts, h) {
				return registry.ParameterPolicy, nil
			}
		}
		for _, h := range c.AddHosts {
			if slices.Contains(d.hosts, h) {
				return registry.ParameterPolicy, nil
			}
		}
		return registry.Success, func() {
			d.hosts = slices.DeleteFunc(d.hosts, func(h string) bool { return slices.Contains(c.RemoveHosts, h) })
			d.hosts = append(d.hosts, c.AddHosts...)
			slices.Sort(d.hosts)
		}
	default:
		c := body[registry.DomainDelete](cmd)
		d, code := m.sponsored(as, c.Name, now)
		if code != 0 {
			return code, nil
		}
		code = registry.SuccessPending
		back := int64(0)
		for _, g := range d.graces {
			if g.ends > now {
				back += g.amount
				if g.add {
					code = registry.Success
				}
			}
		}
		return code, func() {
			m.balance[as] += back
			d.graces = nil
			if d.purge = now + simTLD.DeleteDelay; code == registry.Success {
				delete(m.domains, c.Name)
			}
		}
	}
}

func (m *model) sponsored(as, name string, now registry.Time) (*modelDomain, registry.Code) {
	d := m.domain(name, now)
	switch {
	case d == nil:
		return nil, registry.ObjectDoesNotExist
	case d.sponsor != as:
		return nil, registry.AuthorizationError
	case d.purge != 0:
		return nil, registry.ObjectStatusProhibits
	}
	return d, 0
}

// check holds a state at rest against the model.
func (m *model) check(v fsm.View) (err error) {
	if v.Now() != m.now {
		return fmt.Errorf("log time is %v, must be %v", v.Now(), m.now)
	}
	for id, want := range m.balance {
		if got := v.Account(registry.RegistrarAccount(id), "USD").Balance; got != want {
			return fmt.Errorf("the balance of %s is %d, must be %d", id, got, want)
		}
	}
	there := 0
	v.Domains("example", "", func(d registry.Domain) bool {
		there++
		want := m.domain(d.Name, m.now)
		hosts := v.HostNames(d)
		slices.Sort(hosts)
		switch {
		case want == nil:
			err = fmt.Errorf("%s is there, must not be", d.Name)
		case d.Sponsor != want.sponsor, d.Expires != want.expires, d.Purge != want.purge, !slices.Equal(hosts, want.hosts):
			err = fmt.Errorf("%s is %+v with %v, must be %+v", d.Name, d, hosts, *want)
		}
		return err == nil
	})
	wanted := 0
	delegations := map[string]int{}
	for name := range m.domains {
		if d := m.domain(name, m.now); d != nil {
			wanted++
			if d.purge == 0 && len(d.hosts) > 0 {
				delegations[name] = len(d.hosts)
			}
		}
	}
	if err == nil && there != wanted {
		err = fmt.Errorf("%d domains are there, must be %d", there, wanted)
	}
	v.ZoneRRsets("example", func(set registry.RRset) bool {
		if set.Owner == "example" || set.Type == registry.TypeNSEC3 {
			return true
		}
		if set.Type != registry.TypeNS || delegations[set.Owner] != len(set.Data) {
			err = fmt.Errorf("the zone has %d records of type %d at %s, must have %d name servers", len(set.Data), set.Type, set.Owner, delegations[set.Owner])
		}
		delete(delegations, set.Owner)
		return err == nil
	})
	if err == nil && len(delegations) > 0 {
		err = fmt.Errorf("the zone lacks %v", delegations)
	}
	return err
}

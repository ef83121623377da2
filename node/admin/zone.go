package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// shownHeld is how many held names a zone's status has.
const shownHeld = 20

// Keys makes, takes and gives out zones' private keys, which only the cluster's key-encryption key opens.
type Keys interface {
	// Generate makes a key; its times are for the caller to set.
	Generate(zone string, algorithm uint8, flags uint16, roles registry.Roles) (registry.ZoneKey, error)
	// Import takes a key's file: BIND's K*.private, or PEM (PKCS #8, SEC 1, PKCS #1).
	Import(zone string, text []byte, flags uint16, roles registry.Roles) (registry.ZoneKey, error)
	// Export is a key's file, in BIND's form.
	Export(k registry.ZoneKey) ([]byte, error)
}

// Forms of denial.
const (
	denialNSEC3  = "nsec3"
	denialOptOut = "nsec3-opt-out"
	denialNSEC   = "nsec"
	unsigned     = "unsigned"
)

var forms = map[string]registry.Form{
	unsigned: {}, denialNSEC3: {Signed: true}, denialOptOut: {Signed: true, OptOut: true}, denialNSEC: {Signed: true, NSEC: true},
}

func formName(f registry.Form) string {
	for _, name := range []string{denialNSEC3, denialOptOut, denialNSEC} {
		if forms[name] == f {
			return name
		}
	}
	return unsigned
}

// zoneName reads the name in a path.
func zoneName(c *call) (string, error) { return parseName("name", c.PathValue("name")) }

func (h *handler) showZone(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	name, err := zoneName(c)
	if err != nil {
		return 0, nil, err
	}
	var shown ZoneStatus
	if err = h.read(c, p, func(v fsm.View) (err error) { shown, err = zoneStatus(v, name); return err }); err != nil {
		return 0, nil, err
	}
	if shown.Troubles, err = h.Registry.Troubles(c.Context(), name); err != nil {
		shown.Troubles = []Trouble{{Duty: "publication", Why: err.Error()}}
	}
	return http.StatusOK, shown, nil
}

func zoneStatus(v fsm.View, name string) (s ZoneStatus, err error) {
	z, ok := v.Zone(name)
	if !ok {
		return s, registry.Fail(registry.ObjectDoesNotExist, "name", name, "there is no such zone")
	}
	s = ZoneStatus{
		Name: name, Serial: z.Serial, Changed: formatTime(z.Changed), Form: formName(v.PublishedForm(name)), Journal: z.Journal, Delegations: z.Delegations,
		Frozen: z.Frozen, Held: z.Held, Marked: len(v.Dirty(name, maxMarks)), Keys: []ZoneKey{}, Records: []string{},
	}
	if z.Rollback != 0 {
		to := uint32(z.Rollback - 1)
		s.RollingBack = &to
	}
	if since, ok := v.OldestMark(name); ok {
		s.Behind = float64(v.Now()-since) / float64(registry.Second)
	}
	if at, ok := v.FirstExpiry(name); ok {
		s.FirstExpiry = formatTime(at)
	}
	if g, ok := v.Staging(name); ok {
		s.Building = &Edition{Form: formName(g.Form), Phase: g.Phase.String(), RRsets: g.Sets, Begun: formatTime(g.Begun)}
	}
	names, why := v.HeldNames(name, shownHeld)
	for i, n := range names {
		held := HeldName{Name: n, Why: why[i].Why}
		if held.Why == "" {
			held.Why = "removals beyond the breaker's share"
		}
		s.HeldNames = append(s.HeldNames, held)
	}
	if p, ok := v.ZonePolicy(name); ok {
		shown := showPolicy(&p)
		s.Policy = &shown
	}
	for _, k := range v.ZoneKeys(name) {
		s.Keys = append(s.Keys, showKey(&k, v.Now()))
	}
	for _, set := range v.OperatorRecords(name) {
		s.Records = append(s.Records, showRecords(&set)...)
	}
	return s, nil
}

// maxMarks is how far marked names are counted.
const maxMarks = 10_000

func showPolicy(p *registry.ZonePolicy) ZonePolicy {
	return ZonePolicy{
		Form: formName(p.Form), Algorithm: int(p.Algorithm), Split: !p.Combined,
		Validity: formatPeriod(p.Validity), Jitter: formatPeriod(p.Jitter), Refresh: formatPeriod(p.Refresh), Inception: formatPeriod(p.Inception),
		KeyTTL: p.KeyTTL, Wildcards: p.Wildcards, NoCDS: p.NoCDS,
		BreakerShare: int(p.Breaker.Share), BreakerLeast: p.Breaker.Least, BreakerWindow: formatPeriod(p.Breaker.Window),
	}
}

// setPolicy changes what the request names of a zone's policy; a zone that has none begins with the default.
func (h *handler) setPolicy(c *call) (int, any, error) {
	name, wanted, err := zoneRequest[ZonePolicyChange](c)
	if err != nil {
		return 0, nil, err
	}
	var status int
	var shown any
	err = retried(func() error {
		var p registry.ZonePolicy
		if err := h.Registry.View(c.Context(), fsm.Linearizable, 0, func(v fsm.View) error {
			t, ok := v.TLD(name)
			if !ok {
				return registry.Fail(registry.ObjectDoesNotExist, "name", name, "there is no such zone")
			}
			if p, ok = v.ZonePolicy(name); !ok {
				p = registry.DefaultPolicy(&t)
			}
			return nil
		}); err != nil {
			return err
		}
		if err := wanted.apply(&p); err != nil {
			return err
		}
		var err error
		status, shown, err = h.changeZone(c, name, registry.KindZoneSet, registry.ZoneSet{Policy: p, Anew: wanted.Anew})
		return err
	})
	return status, shown, err
}

func (w *ZonePolicyChange) apply(p *registry.ZonePolicy) error {
	if w.Form != nil {
		form, ok := forms[*w.Form]
		if !ok {
			return invalid("form", *w.Form, "the forms are %s, %s, %s and %s", denialNSEC3, denialOptOut, denialNSEC, unsigned)
		}
		p.Form = form
	}
	for _, d := range []struct {
		element string
		text    *string
		to      *registry.Time
	}{
		{"validity", w.Validity, &p.Validity}, {"jitter", w.Jitter, &p.Jitter}, {"refresh", w.Refresh, &p.Refresh},
		{"inception", w.Inception, &p.Inception}, {"breaker_window", w.BreakerWindow, &p.Breaker.Window},
	} {
		if d.text == nil {
			continue
		}
		var err error
		if *d.to, err = parsePeriod(d.element, *d.text); err != nil {
			return err
		}
	}
	if w.Algorithm != nil {
		if *w.Algorithm < 0 || *w.Algorithm > 255 {
			return invalid("algorithm", fmt.Sprint(*w.Algorithm), "no number of an algorithm")
		}
		p.Algorithm = uint8(*w.Algorithm)
	}
	if w.BreakerShare != nil {
		if *w.BreakerShare < 0 || *w.BreakerShare > 1000 {
			return registry.Fail(registry.ParameterRange, "breaker_share", fmt.Sprint(*w.BreakerShare), "a share is 0 to 1000 thousandths")
		}
		p.Breaker.Share = uint32(*w.BreakerShare)
	}
	if w.Split != nil {
		p.Combined = !*w.Split
	}
	replace(&p.KeyTTL, w.KeyTTL)
	replace(&p.Wildcards, w.Wildcards)
	replace(&p.NoCDS, w.NoCDS)
	replace(&p.Breaker.Least, w.BreakerLeast)
	return nil
}

func replace[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// zoneRequest is the zone and the body of a request that changes one.
func zoneRequest[T any](c *call) (name string, wanted T, err error) {
	if _, err = c.parameters(); err != nil {
		return "", wanted, err
	}
	if name, err = zoneName(c); err != nil {
		return "", wanted, err
	}
	return name, wanted, c.decode(&wanted)
}

// changeZone executes a command about a zone, and answers with the zone as it then is.
func (h *handler) changeZone(c *call, name string, kind registry.Kind, body any) (int, any, error) {
	r, err := h.execute(c, kind, body)
	if err != nil {
		return 0, nil, err
	}
	var shown ZoneStatus
	err = h.reread(c, r, func(v fsm.View) (err error) { shown, err = zoneStatus(v, name); return err })
	return http.StatusOK, shown, err
}

var zoneActions = map[string]registry.ZoneAction{
	"freeze": registry.ZoneFreeze, "thaw": registry.ZoneThaw, "release": registry.ZoneRelease,
	"rollback": registry.ZoneRollback, "serial": registry.ZoneSerial, "abandon": registry.ZoneAbandon,
}

func (h *handler) controlZone(c *call) (int, any, error) {
	name, wanted, err := zoneRequest[ZoneAction](c)
	if err != nil {
		return 0, nil, err
	}
	do, ok := zoneActions[wanted.Do]
	if !ok {
		return 0, nil, invalid("do", wanted.Do, "the actions are freeze, thaw, release, rollback, serial and abandon")
	}
	return h.changeZone(c, name, registry.KindZoneControl, registry.ZoneControl{Zone: name, Do: do, To: wanted.To})
}

func (h *handler) setRecords(c *call) (int, any, error) {
	name, wanted, err := zoneRequest[RecordsChange](c)
	if err != nil {
		return 0, nil, err
	}
	change := registry.ZoneRecords{Zone: name}
	if change.Set, err = parseRecords(name, wanted.Set); err != nil {
		return 0, nil, err
	}
	for _, r := range wanted.Remove {
		owner, kind, _ := strings.Cut(r, " ")
		number, ok := dns.StringToType[strings.ToUpper(strings.TrimSpace(kind))]
		if !ok {
			return 0, nil, invalid("remove", r, "an RRset is named by owner and type: nic.%s NS", name)
		}
		change.Remove = append(change.Remove, registry.RecordKey{Owner: absolute(owner, name), Type: number})
	}
	return h.changeZone(c, name, registry.KindZoneRecords, change)
}

// absolute is an owner name without its final dot: one without is below the zone, @ is the zone.
func absolute(owner, zone string) string {
	owner = strings.ToLower(owner)
	switch {
	case owner == "@":
		return zone
	case strings.HasSuffix(owner, "."):
		return strings.TrimSuffix(owner, ".")
	case owner == zone, strings.HasSuffix(owner, "."+zone):
		return owner
	}
	return owner + "." + zone
}

// defaultRecordTTL is that of operators' records which name none, in seconds.
const defaultRecordTTL = 3600

// parseInstant reads an instant, "now", or one from now on.
func parseInstant(element, text string, now registry.Time) (registry.Time, error) {
	switch {
	case text == "":
		return 0, nil
	case text == "now":
		return now, nil
	case strings.HasPrefix(text, "+"):
		d, err := parsePeriod(element, text[1:])
		return now + d, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, invalid(element, text, "not an instant such as 2026-01-02T15:04:05Z, now, or +720h")
	}
	return registry.Time(t.UnixMilli()), nil
}

func parseNumber(element, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, invalid(element, text, "not a number")
	}
	return n, nil
}

package nodecli

import (
	"strings"
	"testing"

	"quorate/fsm/registry"
)

// raiseAll brings the cluster to the newest level.
func raiseAll(t *testing.T, at func(string) []string) {
	t.Helper()
	for level := registry.FirstLevel; level < registry.HighestLevel; level++ {
		must(t, at("level raise")...)
	}
}

func TestTLDChanges(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	if _, _, err := run(t, "", at("tld set example create-price=9.50")...); err == nil || !strings.Contains(err.Error(), "2101") {
		t.Errorf("below its level: %v", err)
	}
	found(t, c)
	raiseAll(t, at)
	shown := must(t, at("tld set example create-price=9.5 renew-price=0 currency=EUR max-years=2 add-grace=1h delete-delay=2h reserved=gold,nic model=thin per-registrar=yes "+
		"required-contacts=tech,admin refused-contacts=billing secdns=keyData max-ds=3 max-sig-life=86400 transfer-price=1 transfer-wait=1h transfer-grace=0s "+
		"ns=ns1.nic.example/192.0.2.9/2001:db8::9,ns3.elsewhere mname=ns3.elsewhere rname=r.elsewhere refresh=1 retry=2 expire=9 minimum=4 ttl-apex=5 ttl-delegation=6 ttl-glue=7")...)
	for _, line := range []string{
		"Model                 thin, unless a registrar differs", "Needed contacts       admin, tech", "Refused contacts      billing",
		"Delegations           secured by keyData, at most 3; lifetime of signatures at most 86400 s", "Create price          9.50 EUR a year", "Renew price           0.00 EUR a year",
		"Transfer price        1.00 EUR a year", "Transfer wait         1h", "Transfer grace        0s", "Longest registration  2 years", "Add grace             1h",
		"Renew grace           120h", "Delete delay          2h", "Reserved              gold, nic", "Name server           ns1.nic.example 192.0.2.9 2001:db8::9",
		"Name server           ns3.elsewhere", "Primary server        ns3.elsewhere", "Mailbox               r.elsewhere",
		"SOA timers            refresh 1, retry 2, expire 9, minimum 4", "Times to live         apex 5, delegations 6, glue 7",
	} {
		if !strings.Contains(shown, line+"\n") {
			t.Errorf("no line %q in\n%s", line, shown)
		}
	}
	same(t, must(t, at("tld show example")...), shown)
	if out := must(t, at("tld set example ttl-apex=8 hosts=attributes")...); !strings.Contains(out, "Times to live         apex 8, delegations 6, glue 7") || !strings.Contains(out, "Name servers are      attributes") {
		t.Errorf("got\n%s", out)
	}
	if out := must(t, at("tld create co.example --zone example --create-price 3")...); !strings.Contains(out, "Published in          example") || strings.Contains(out, "SOA timers") {
		t.Errorf("got\n%s", out)
	}
	if out := must(t, at("tld set co.example reserved=gold")...); !strings.Contains(out, "Reserved              gold") {
		t.Errorf("got\n%s", out)
	}
	for args, want := range map[string]string{
		"tld set none create-price=1":                       `name "none": there is no such TLD (2303)`,
		"tld set example create-price=x":                    `create_price: "x" is not an amount such as 8.00 (2005)`,
		"tld set example model=fat":                         `model "fat": the models are thick and thin (2005)`,
		"tld set example ns=ns1.nic.example":                "its addresses are needed (2003)",
		"tld set example ns=ns1.elsewhere/192.0.2.1":        "which can't hold addresses for it (2306)",
		"tld set example hosts=both":                        "name servers are objects or attributes (2005)",
		"tld set example refused-contacts=admin":            "the type is required (2306)",
		"tld set example required-contacts=owner":           "the types are admin, billing, tech (2005)",
		"tld set example secdns=both":                       "secdns",
		"tld set example per-registrar=maybe":               `per-registrar: "maybe" is neither yes nor no`,
		"tld set example max-years=many":                    `max-years: "many" is no number`,
		"tld set example colour=red":                        `"colour=red": what can be set is add-grace,`,
		"tld set example transfer-wait=5":                   `transfer_wait "5": not a duration such as 120h (2005)`,
		"tld set co.example ns=ns1.elsewhere":               "name servers, SOA and times to live are the zone's (2306)",
		"tld create co.other --zone example":                "not a TLD with a zone of its own",
		"tld create uk.example --zone example --refresh 10": "name servers, SOA and times to live are the zone's (2306)",
	} {
		if _, _, err := run(t, "", at(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", args, err, want)
		}
	}
}

func TestDomainStatuses(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	found(t, c)
	raiseAll(t, at)
	must(t, at("tld create thin --thin --ns ns.elsewhere")...)
	file, _ := certificateFile(t, c, "reg1")
	must(t, at("registrar create reg1 --name One --generate-password --client-cert "+file)...)
	must(t, at("registrar fund reg1 100")...)
	register(t, c, "reg1", "foo.thin", "")
	out := must(t, at("domain show FOO.thin")...)
	for _, line := range []string{"Domain   foo.thin\n", "Sponsor  reg1\n", "Status   inactive\n"} {
		if !strings.Contains(out, line) {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
	if out := must(t, at("domain status foo.thin +serverHold +serverUpdateProhibited +clientHold")...); !strings.Contains(out, "Status   clientHold, serverHold, serverUpdateProhibited, inactive\n") {
		t.Errorf("got\n%s", out)
	}
	if out := must(t, at("domain status foo.thin -serverHold -clientHold +serverRenewProhibited --json")...); !strings.Contains(out, `"serverRenewProhibited"`) || strings.Contains(out, `"serverHold"`) {
		t.Errorf("got\n%s", out)
	}
	for args, want := range map[string]string{
		"domain show none.thin":                              `name "none.thin": there is no such domain (2303)`,
		"domain status none.thin +serverHold":                "there is no such domain (2303)",
		"domain status foo.thin +serverUpdateProhibited":     "the object has this status already (2306)",
		"domain status foo.thin -serverHold":                 "the object does not have this status (2306)",
		"domain status foo.thin":                             "there is nothing to add or remove (2003)",
		"domain status foo.thin +serverHold +serverHold":     "the status is named twice (2005)",
		"domain status foo.thin +serverNonsense":             "not a status that is set",
		"domain status foo.thin +pendingDelete":              "accepts 1 arg(s), received 2",
		"domain status +serverHold":                          "accepts 1 arg(s), received 0",
		"domain status foo.thin --nonsense +serverHold":      "unknown flag: --nonsense",
		"domain status foo.thin +serverHold --site nowhere ": "nowhere",
	} {
		if _, _, err := run(t, "", at(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", args, err, want)
		}
	}
	if out, _, err := run(t, "", "domain", "status", "--help"); err != nil || !strings.Contains(out, "takes the domain out of the zone") {
		t.Errorf("help: %v\n%s", err, out)
	}
}

package nodecli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A signed zone comes with its keys: into a TLD that was opened without any, or into one that has made its own, which are then retired
// as the command says.
func TestImportedKeys(t *testing.T) {
	t.Parallel()
	_, at := highest(t)
	dir := t.TempDir()
	for _, tld := range []string{"source", "fresh", "late"} {
		flags := ""
		if tld == "fresh" {
			flags = " --unsigned --serial 2026010100"
		}
		must(t, at("tld create "+tld+" --ns ns1.nic."+tld+"=192.0.2.1"+flags)...)
	}
	file := filepath.Join(dir, "key")
	must(t, at("dnssec export source 1 --out "+file)...)
	if _, err := os.Stat(file + ".private"); err != nil {
		t.Fatal(err)
	}
	has := func(line string, want ...string) {
		t.Helper()
		out := must(t, at(line)...)
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("quorate %s: without %q:\n%s", line, w, out)
			}
		}
	}
	lacks := func(line string, not string) {
		t.Helper()
		if out := must(t, at(line)...); strings.Contains(out, not) {
			t.Errorf("quorate %s: with %q:\n%s", line, not, out)
		}
	}
	lacks("dnssec import fresh "+file+".private --kind csk --published now --active now", "Other keys")
	must(t, at("dnssec sign fresh")...)
	has("zone status fresh", "nsec3", "20260101", "Key 1", "active")
	lacks("zone status fresh", "Key 2")

	has("dnssec import late "+file+".private --kind csk --published now --active now",
		"Other keys sign the zone", "quorate dnssec key late 1 --retired now", "quorate dnssec sign late --anew", "quorate dnssec key late 1 --removed now")
	if _, _, err := run(t, "", at("dnssec key late 1 --removed now")...); err == nil {
		t.Error("a key was removed that signatures need")
	}
	must(t, at("dnssec key late 1 --retired now")...)
	must(t, at("dnssec sign late --anew")...)
	must(t, at("dnssec key late 1 --removed now")...)
	has("dnssec status late", "removed", "active")

	refused := func(line, why string) {
		t.Helper()
		if _, _, err := run(t, "", at(line)...); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("quorate %s: %v, want %q", line, err, why)
		}
	}
	refused("dnssec key source 1", "nothing is to be changed: say what, with --published, --active, --retired, --removed")
	refused("dnssec key source 1 --force", "nothing is to be changed")
	refused("zone set source", "nothing is to be changed: say what, with --breaker-share, ")
	refused("zone records source", "nothing is to be changed: say what, with --set, --remove")
	refused("dnssec export source 1x", "no key's number")
	refused("dnssec key source 1x --published now", "no key's number")
	refused("dnssec generate source --algorithm 300", `algorithm "300"`)
	refused("dnssec ds unsigned", "no such zone")
	must(t, at("tld create unsigned --unsigned --ns ns1.nic.unsigned=192.0.2.1")...)
	must(t, at("dnssec generate unsigned --published now --active now")...)
	refused("dnssec ds unsigned", "not signed")

	// Who gets a key's file is said each time, also where there was a file before.
	loose := filepath.Join(dir, "loose.private")
	if err := os.WriteFile(loose, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, at("dnssec export source 1 --out "+filepath.Join(dir, "loose"))...)
	if info, err := os.Stat(loose); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("the file of a private key is %v, %v", info, err)
	}
}

// A breaker that never trips is none, whichever of its numbers says so.
func TestZoneWithoutBreaker(t *testing.T) {
	t.Parallel()
	_, at := highest(t)
	must(t, at("tld create shop --unsigned --ns ns1.nic.shop=192.0.2.1")...)
	for _, step := range []struct{ flags, want string }{
		{"--breaker-share 20", " 20 of 1000 delegations in 1h, 50 in any case\n"}, {"--breaker-share 1000", " none: any number of delegations may go at once\n"},
		{"--breaker-share 20 --breaker-least 9223372036854775807", " none: any number of delegations may go at once\n"},
	} {
		if out := must(t, at("zone set shop "+step.flags)...); !strings.Contains(out, step.want) {
			t.Errorf("zone set %s: want%s in\n%s", step.flags, step.want, out)
		}
	}
}

// An edition that is in the making is given up, and the zone is what it was; the form is asked for anew, or the old one again.
func TestAbandonedEdition(t *testing.T) {
	t.Parallel()
	c, at := highest(t)
	must(t, at("tld create shop --ns ns1.nic.shop=192.0.2.1")...)
	if _, _, err := run(t, "", at("zone abandon shop")...); err == nil || !strings.Contains(err.Error(), "no edition is in the making") {
		t.Errorf("with nothing to give up: %v", err)
	}
	shows := func(making bool, line, policy string) {
		t.Helper()
		out := must(t, at(line)...)
		if strings.Contains(out, "In the making ") != making || !strings.Contains(out, policy) || !strings.Contains(out, "nsec3\n") {
			t.Errorf("%s: %s", line, out)
		}
	}
	c.Rest(true)
	shows(true, "dnssec sign shop --nsec", " nsec,")
	shows(false, "zone abandon shop", " nsec,")
	shows(true, "zone set shop --breaker-share 20", " nsec,")
	shows(false, "zone abandon shop", " nsec,")
	shows(false, "dnssec sign shop --nsec3", " nsec3,")
	shows(false, "zone set shop --breaker-share 30", " nsec3,")
}

// Signing anew, which is a step of each rollover, leaves the form as it is.
func TestSigningAnewKeepsTheForm(t *testing.T) {
	t.Parallel()
	_, at := highest(t)
	must(t, at("tld create shop --unsigned --ns ns1.nic.shop=192.0.2.1")...)
	for _, step := range []struct{ flags, policy string }{
		{"", "nsec3, algorithm 13, combined keys, TTL of keys 3600 s"}, {" --key-ttl 7200", "nsec3, algorithm 13, combined keys, TTL of keys 7200 s"}, {" --opt-out", "nsec3-opt-out,"}, {" --anew --algorithm 15", "nsec3-opt-out, algorithm 15, combined keys, TTL of keys 7200 s"}, {" --nsec", "nsec,"}, {" --anew", "nsec,"},
		{" --nsec3", "nsec3,"},
	} {
		if out := must(t, at("dnssec sign shop"+step.flags)...); !strings.Contains(out, step.policy) {
			t.Errorf("dnssec sign%s: want the policy %s\n%s", step.flags, step.policy, out)
		}
	}
	for _, flags := range []string{" --nsec --opt-out", " --nsec --nsec3", " --nsec3 --opt-out", " --key-ttl 59", " --key-ttl 604801"} {
		if _, _, err := run(t, "", at("dnssec sign shop"+flags)...); err == nil {
			t.Errorf("dnssec sign%s was taken", flags)
		}
	}
}

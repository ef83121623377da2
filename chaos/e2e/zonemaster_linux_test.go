package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"quorate/chaos/cluster"
	"quorate/epp/client"
	"quorate/node/admin"
)

// zmTLD is the TLD that Zonemaster tests. Its name servers have addresses of their own, in a network namespace.
const zmTLD = "zonemaster"

// expected are the complaints that come of the addresses being loopback's, and of there being no IPv6.
var expected = []*regexp.Regexp{
	regexp.MustCompile(`has an IP address \(127\.0\.0\.2\d\) without PTR configured`),
	regexp.MustCompile(`lists no nameserver that resolves to an IPv6 address`),
}

// Zonemaster, with the profile of ICANN's tests, finds nothing in a TLD that the registry has signed but what the place of the test explains.
func TestZonemaster(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("network namespaces are made by root only")
	}
	ip, zonemaster := tool(t, "ip", "iproute2"), tool(t, "zonemaster-cli", "zonemaster-cli")
	shared := os.Getenv("QUORATE_SHARED")
	if shared == "" {
		shared = filepath.Join(root, "..", "shared")
	}
	profile := filepath.Join(shared, "data", "zonemaster-rst-profile.json")
	if _, err := os.Stat(profile); err != nil {
		t.Skipf("ICANN's profile isn't here: %v", err)
	}
	c := start(t, relaxed)
	servers := map[string]string{"ns1.nic." + zmTLD: "127.0.0.21", "ns2.nic." + zmTLD: "127.0.0.22"}
	file := zonemasterZone(t, c, servers)
	ns := namespace(t, ip)
	records := parseZone(t, file)
	writeRoot(t, filepath.Join(t.TempDir(), "root"), records, servers, func(path string) { ns.serve(t, path, ".", "127.0.0.20") })
	for _, address := range servers {
		ns.serve(t, file, zmTLD, address)
	}
	hints := filepath.Join(t.TempDir(), "hints")
	do(t, os.WriteFile(hints, []byte(".\t3600\tNS\ta.root.\na.root.\t3600\tA\t127.0.0.20\n"), 0o600))
	args := []string{"netns", "exec", ns.name, zonemaster, "--profile", profile, "--hints", hints, "--no-ipv6", "--level", "WARNING", "--no-time"}
	for name, address := range servers {
		args = append(args, "--ns", name+"/"+address)
	}
	for _, ds := range dsRecords(t, records) {
		args = append(args, "--ds", fmt.Sprintf("%d,%d,%d,%s", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, ip, append(args, zmTLD)...).CombinedOutput()
	if err != nil {
		t.Fatalf("zonemaster-cli: %v\n%s", err, out)
	}
	found := 0
	for line := range strings.Lines(string(out)) {
		level, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if level != "WARNING" && level != "ERROR" && level != "CRITICAL" {
			continue
		}
		if slices.ContainsFunc(expected, func(e *regexp.Regexp) bool { return e.MatchString(text) }) {
			found++
			continue
		}
		t.Errorf("%s: %s", level, strings.TrimSpace(text))
	}
	if found == 0 {
		t.Errorf("not even the complaints about the place came: it tested nothing\n%s", out)
	}
}

// zonemasterZone makes a TLD with domains of every kind, and returns a file with its zone.
func zonemasterZone(t *testing.T, c *cluster.Cluster, servers map[string]string) (path string) {
	t.Helper()
	a, err := c.Admin(c.Sites()[0])
	do(t, err)
	tld := admin.TLD{Name: zmTLD, Model: "thick", Currency: cluster.Currency}
	for name, address := range servers {
		tld.Nameservers = append(tld.Nameservers, admin.Nameserver{Name: name, Addresses: []string{address}})
	}
	_, err = a.CreateTLD(t.Context(), tld)
	do(t, err)
	s := login(t, c, c.Sites()[1], "reg1")
	furnish(t, s)
	for _, name := range []string{"plain", "signed", "glued"} {
		create(t, s, name+"."+zmTLD)
	}
	_, err = s.CreateHost(t.Context(), "ns1.glued."+zmTLD, netip.MustParseAddr("192.0.2.53"))
	do(t, err)
	_, err = s.UpdateDomain(t.Context(), client.DomainUpdate{Name: "glued." + zmTLD, Add: client.DomainParts{Hosts: []string{"ns1.glued." + zmTLD}}})
	do(t, err)
	path = filepath.Join(t.TempDir(), "zone")
	await(t, "the zone to be published whole", func(ctx context.Context) error {
		records, err := exportZone(ctx, c, zmTLD, path)
		if err == nil && !slices.ContainsFunc(records, func(rr dns.RR) bool { return rr.Header().Name == "ns1.glued."+zmTLD+"." }) {
			err = errors.New("the last name isn't there")
		}
		return err
	})
	return path
}

func parseZone(t *testing.T, path string) []dns.RR {
	t.Helper()
	records, err := readZone(path)
	do(t, err)
	return records
}

// dsRecords are what the parent of a zone would have of it.
func dsRecords(t *testing.T, records []dns.RR) (all []*dns.DS) {
	t.Helper()
	for _, rr := range records {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.SEP != 0 {
			all = append(all, key.ToDS(dns.SHA256))
		}
	}
	if len(all) == 0 {
		t.Fatal("the zone has no key")
	}
	return all
}

// writeRoot writes a root zone that delegates the TLD.
func writeRoot(t *testing.T, path string, records []dns.RR, servers map[string]string, serve func(path string)) {
	t.Helper()
	var b strings.Builder
	b.WriteString(". 3600 IN SOA a.root. hostmaster.root. 1 7200 3600 1209600 900\n. 3600 IN NS a.root.\na.root. 3600 IN A 127.0.0.20\n")
	for name := range servers {
		fmt.Fprintf(&b, "%s. 3600 IN NS %s.\n", zmTLD, name)
	}
	for _, ds := range dsRecords(t, records) {
		fmt.Fprintln(&b, ds)
	}
	for name, address := range servers {
		fmt.Fprintf(&b, "%s. 3600 IN A %s\n", name, address)
	}
	do(t, os.WriteFile(path, []byte(b.String()), 0o600))
	serve(path)
}

// netns is a network namespace for the length of a test.
type netns struct{ name, ip string }

func namespace(t *testing.T, ip string) *netns {
	t.Helper()
	n := &netns{fmt.Sprintf("quorate-%d", os.Getpid()), ip}
	if out, err := exec.Command(ip, "netns", "add", n.name).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, out)
	}
	t.Cleanup(func() { do(t, exec.Command(ip, "netns", "del", n.name).Run()) })
	do(t, exec.Command(ip, "-n", n.name, "link", "set", "lo", "up").Run())
	return n
}

// serve runs this binary's name server with a zone file at port 53 of an address in the namespace.
func (n *netns) serve(t *testing.T, path, origin, address string) {
	t.Helper()
	said := &strings.Builder{}
	cmd := exec.Command(n.ip, "netns", "exec", n.name, binary, "dns", path, "--origin", origin, "--listen", net.JoinHostPort(address, "53"))
	cmd.Stderr = said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	do(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	dig := tool(t, "dig", "bind9-dnsutils")
	await(t, origin+" at "+address, func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, n.ip, "netns", "exec", n.name, dig, "@"+address, "+norecurse", "+time=1", "+tries=1", origin, "SOA").CombinedOutput()
		if err == nil && !strings.Contains(string(out), "status: NOERROR") {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
}

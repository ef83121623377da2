package chaoscli

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"quorate/chaos/cluster"
	"quorate/node/endpoints"
)

// printCard prints where a running cluster is, the credentials, and what to try.
func printCard(ctx context.Context, out io.Writer, c *cluster.Cluster, d *dev) {
	e := c.Endpoints()
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SITE\tPID\tEPP\tWHOIS\tDNS\tRDAP\tADMIN API\tMETRICS")
	for _, s := range e.Sites {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.PID, s.EPP, s.WHOIS, s.DNS, s.RDAP, s.Admin, s.Metrics)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "REGISTRAR\tPASSWORD\tDEPOSIT\tCERTIFICATE (key beside it)")
	for _, r := range e.Registrars {
		deposit := "nothing"
		if d := c.Deposit(r.ID); d != "" {
			deposit = d + " " + cluster.Currency
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.ID, r.Password, deposit, r.Cert)
	}
	fmt.Fprintf(w, "operator\t\t\t%s\n", e.Operator.Cert)
	w.Flush() // what a terminal doesn't take is lost
	fmt.Fprintf(out, "\nTLD %s (thick); the CA's certificate is %s;\nall of this for programs: %s\n", e.TLD, e.CA, c.EndpointsFile())

	// A name of its own for each start, so that the commands work at every one.
	tryOut{d, e, fmt.Sprintf("hello-%x", time.Now().Unix())}.print(ctx, out, c)
}

// tryOut prints what to try, about a name with this first label.
type tryOut struct {
	*dev
	endpoints.Endpoints
	label string
}

func (t tryOut) print(ctx context.Context, out io.Writer, c *cluster.Cluster) {
	first, second, third := t.Sites[0], t.Sites[min(1, len(t.Sites)-1)], t.Sites[len(t.Sites)-1]
	// The leader is the one to kill; another is then the one to ask.
	victim, survivor := first, second
	if leader, err := c.Leader(ctx); err == nil && leader != first.Name {
		survivor = first
		for _, s := range t.Sites {
			if s.Name == leader {
				victim = s
			}
		}
	}
	name, contact, host := t.label+"."+t.TLD, t.label[:min(len(t.label), maxContactID)], "ns1."+t.label+".test"
	fmt.Fprintln(out, "\nTo try, one after the other: a domain made at one site is at all of them, and stays when one is killed.")
	fmt.Fprintf(out, "  %[1]s create contact %[2]s && %[1]s create host %[3]s && %[1]s create domain %[4]s --registrant %[2]s --admin %[2]s --tech %[2]s --ns %[3]s\n",
		t.epp(first), contact, host, name)
	fmt.Fprintf(out, "  whois -h %s %s\n", hostPort(second.WHOIS, "-p"), name)
	fmt.Fprintf(out, "  curl --cacert %s %sdomain/%s\n", t.CA, second.RDAP, name)
	fmt.Fprintf(out, "  dig @%s +norecurse %s NS\n", hostPort(third.DNS, "-p"), name)
	fmt.Fprintf(out, "  kill -9 %d && %s renew domain %s\n", victim.PID, t.epp(survivor), name)
	fmt.Fprintf(out, "\n%s, the leader, is dead then; `%s start %s` brings it back.\n", victim.Name, t.command(), victim.Name)
}

// maxContactID is the length of a contact's identifier (RFC 5730 clIDType).
const maxContactID = 16

// epp is the EPP client's command at a site.
func (t tryOut) epp(site endpoints.Site) string {
	c := os.Args[0] + " epp --site " + site.Name
	if t.dir != defaultDir {
		c += " --endpoints " + filepath.Join(t.dir, "endpoints.json")
	}
	return c
}

// hostPort writes an address as the tools want it, the port after a flag.
func hostPort(address, flag string) string {
	host, port, _ := net.SplitHostPort(address)
	return host + " " + flag + " " + port
}

package nodecli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

// statusTime bounds the question to one site: a site that is stopped must not hold up what the others say.
const statusTime = 4 * time.Second

// renewalSlack is how late signatures may be renewed before that is a problem: they are due by the hour.
const renewalSlack = 3 * time.Hour

func statusCommand() *cobra.Command {
	c, t := leaf("status", "Show the state of every site",
		`Asks every site and shows what each says of itself: its state, how far its log has
come, whether it is ready for traffic, the zones it serves and how it sees its
peers. The digests of all replicas are compared at the last index that all have.

The exit status is 1 when no site answers, when the cluster has no leader, or when
replicas differ.`,
		`  quorate status
  quorate status --site site2
  quorate status --json`, cobra.NoArgs)
	c.RunE = func(c *cobra.Command, _ []string) error {
		nodes, err := t.nodes()
		if err != nil {
			return err
		}
		o := survey(c.Context(), nodes)
		if t.json {
			err = writeJSON(c, o)
		} else {
			err = o.show(c.OutOrStdout())
		}
		return errors.Join(err, o.verdict())
	}
	return c
}

// overview is what all sites together say.
type overview struct {
	Leader   string   `json:"leader"`   // node id; "" when none is known
	Index    uint64   `json:"index"`    // the last that all sites that answer have applied
	Agree    *bool    `json:"agree"`    // the digests at Index are equal; null when fewer than two are known
	Sites    []report `json:"sites"`    // in the order of the file
	Problems []string `json:"problems"` // in words
}

// report is what one site says.
type report struct {
	Site   string        `json:"site"`
	URL    string        `json:"url"`
	Status *admin.Status `json:"status,omitempty"`
	Error  string        `json:"error,omitempty"`
	Digest string        `json:"digest,omitempty"` // at the overview's index
}

// survey asks all nodes at once, and then for their digests at the index that they share.
func survey(ctx context.Context, nodes []node) overview {
	o := overview{Sites: make([]report, len(nodes)), Problems: []string{}}
	each := func(question func(context.Context, *admin.Client, *report)) {
		var all sync.WaitGroup
		for i, n := range nodes {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, statusTime)
				defer cancel()
				question(ctx, n.client, &o.Sites[i])
			})
		}
		all.Wait()
	}
	each(func(ctx context.Context, client *admin.Client, r *report) {
		r.URL = client.URL()
		s, err := client.Status(ctx)
		if err != nil {
			r.Error = err.Error()
			return
		}
		r.Status = &s
	})
	o.Index = math.MaxUint64
	for i, n := range nodes {
		o.Sites[i].Site = n.site
		if s := o.Sites[i].Status; s != nil {
			o.Sites[i].Site = s.Site
			o.Index = min(o.Index, s.Applied)
		}
	}
	if !o.answered() {
		o.Index = 0
	}
	each(func(ctx context.Context, client *admin.Client, r *report) {
		defer client.Close()
		if r.Status == nil {
			return
		}
		if r.Status.Applied == o.Index {
			r.Digest = r.Status.Digest
			return
		}
		// A site that can't say is among the problems: it is too far ahead, or about to leave.
		if d, err := client.Digest(ctx, o.Index); err == nil {
			r.Digest = d.Digest
		}
	})
	o.findLeader()
	o.compare()
	o.findProblems()
	return o
}

// findLeader believes the site with the newest term.
func (o *overview) findLeader() {
	var term uint64
	for _, r := range o.Sites {
		if r.Status != nil && r.Status.Leader != "" && r.Status.Term >= term {
			o.Leader, term = r.Status.Leader, r.Status.Term
		}
	}
}

func (o *overview) compare() {
	var known []string
	for _, r := range o.Sites {
		if r.Digest != "" {
			known = append(known, r.Digest)
		}
	}
	if len(known) > 1 {
		agree := len(slices.Compact(known)) == 1
		o.Agree = &agree
	}
}

func (o *overview) findProblems() {
	say := func(format string, args ...any) { o.Problems = append(o.Problems, fmt.Sprintf(format, args...)) }
	for _, r := range o.Sites {
		switch s := r.Status; {
		case s == nil:
			say("%s does not answer: %s", r.name(), r.Error)
			continue
		case s.Ready != "ok":
			say("%s is not ready: %s", r.name(), s.Ready)
		case r.Digest == "":
			say("%s is too far ahead to be compared at index %d", r.name(), o.Index)
		}
		if dns := r.Status.DNS; dns != "ok" && dns != "" { // "": a release before this was said
			say("%s should not be asked for DNS: %s", r.name(), dns)
		}
		if n := r.Status.Incidents; n > 0 {
			say("%s has incidents (%d), commands that broke an invariant or found one broken: see quorate incidents", r.name(), n)
		}
	}
	for _, r := range o.Sites {
		if r.Status == nil {
			continue
		}
		for _, z := range r.Status.Zones {
			if z.Troubles > 0 {
				say("zone %s can't be kept up to date: see quorate zone status %s", z.Name, z.Name)
			}
		}
	}
	for _, z := range o.zones() {
		if z.Held > 0 {
			say("%d names of zone %s are held back: see quorate zone status %s", z.Held, z.Name, z.Name)
		}
		if z.Frozen {
			say("zone %s is frozen: see quorate zone status %s", z.Name, z.Name)
		}
		if z.Signature != 0 && z.Signature < z.Refresh-renewalSlack.Seconds() {
			say("SIGNATURES of zone %s are not renewed: the first ends in %.0f hours", z.Name, z.Signature/3600)
		}
	}
	if o.Agree != nil && !*o.Agree {
		var each []string
		for _, r := range o.Sites {
			if r.Digest != "" {
				each = append(each, r.name()+" "+prefix(r.Digest))
			}
		}
		say("REPLICAS DIFFER at index %d: %s", o.Index, strings.Join(each, ", "))
	}
}

// zones are the zones as the site sees them that has come furthest.
func (o *overview) zones() (all []admin.Zone) {
	var furthest uint64
	for _, r := range o.Sites {
		if r.Status != nil && r.Status.Applied >= furthest {
			all, furthest = r.Status.Zones, r.Status.Applied
		}
	}
	return all
}

// answered says whether any site did.
func (o *overview) answered() bool {
	return slices.ContainsFunc(o.Sites, func(r report) bool { return r.Status != nil })
}

// verdict is the error that the command ends with.
func (o *overview) verdict() error {
	switch {
	case !o.answered():
		return errors.New("no site answers")
	case o.Leader == "":
		return errors.New("the cluster has no leader")
	case o.Agree != nil && !*o.Agree:
		return errors.New("replicas differ")
	}
	return nil
}

func (o *overview) show(w io.Writer) error {
	var rows [][]string
	for _, r := range o.Sites {
		s := r.Status
		if s == nil {
			rows = append(rows, []string{r.name(), "", "no answer", "", "", "", "", "", "", ""})
			continue
		}
		ready := "yes"
		if s.Ready != "ok" {
			ready = "no"
		}
		rows = append(rows, []string{
			r.name(), s.Node, s.State, fmt.Sprint(s.Term), fmt.Sprint(s.Applied), prefix(r.Digest), level(s), ready, zones(s.Zones), peers(s.Peers),
		})
	}
	if err := table(w, []string{"SITE", "NODE", "STATE", "TERM", "APPLIED", "DIGEST", "LEVEL", "READY", "ZONES", "PEERS"}, rows); err != nil {
		return err
	}
	var lines []string
	if o.Agree != nil && *o.Agree {
		lines = append(lines, fmt.Sprintf("Replicas agree at index %d.", o.Index))
	}
	for _, p := range o.Problems {
		lines = append(lines, "! "+p)
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(w, "\n"+strings.Join(lines, "\n"))
	return err
}

func (r report) name() string {
	if r.Site == "" {
		return r.URL
	}
	return r.Site
}

// prefix is enough of a digest to tell it from another.
func prefix(digest string) string { return digest[:min(8, len(digest))] }

// level is the cluster's, and how far the site's binary reads if that is further.
func level(s *admin.Status) string {
	if s.Reads > s.Level {
		return fmt.Sprintf("%d (reads %d)", s.Level, s.Reads)
	}
	return fmt.Sprint(s.Level)
}

// zones are names with serials, and what is yet to be published or served.
func zones(all []admin.Zone) string {
	var parts []string
	for _, z := range all {
		part := fmt.Sprintf("%s %d", z.Name, z.Serial)
		if z.Served != z.Serial {
			part += fmt.Sprintf(" (serves %d)", z.Served)
		}
		if z.Withheld {
			part += " (withheld)"
		}
		if z.Dirty > 0 {
			part += fmt.Sprintf(" (+%d)", z.Dirty)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func peers(all []admin.Peer) string {
	var parts []string
	for _, p := range all {
		part := p.ID + " not connected" // a follower needs no connection to another: this is no fault yet
		if p.Connected {
			part = fmt.Sprintf("%s %.1fms", p.ID, p.RTT)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

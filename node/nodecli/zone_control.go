package nodecli

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

// zoneControlCommands are those of `quorate zone` that decide what is published.
func zoneControlCommands() []*cobra.Command {
	return []*cobra.Command{
		zoneStatusCommand(), zoneSetCommand(), zoneRecordsCommand(),
		zoneActionCommand("freeze", "Publish no more changes of a zone",
			`Keeps a zone as it is published. Registrars go on, and what they change waits; signatures
are still renewed, so a frozen zone can stay so for as long as you need.`),
		zoneActionCommand("thaw", "Publish changes of a zone again",
			`Ends a freeze, also the one that a rollback begins with. What has been waiting is published.`),
		zoneActionCommand("release", "Let removals go that were held back",
			`When suddenly more delegations would go than the zone's breaker lets pass, or a name can't be
published soundly, those names are held back, and "quorate zone status" shows them. This lets them go.`),
		zoneActionCommand("abandon", "Give up the edition of a zone that is in the making",
			`Ends what "quorate dnssec sign" or "unsign" began, before it is published: the zone stays as it is
served. The policy keeps the form that was asked for, and its next change begins another edition, unless
the same commands ask for the old form again.`),
		zoneRollbackCommand(), zoneSerialCommand(),
	}
}

// onZone makes the command of a change that answers with the zone as it then is.
func onZone(c *cobra.Command, t *target, change func(context.Context, *admin.Client, string) (admin.ZoneStatus, error)) {
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		z, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.ZoneStatus, error) {
			return change(ctx, client, args[0])
		})
		if err != nil {
			return err
		}
		return showZone(c, t, z)
	}
}

func zoneStatusCommand() *cobra.Command {
	c, t := leaf("status TLD", "Show how a zone is published",
		`Shows a zone's serial, form, policy and keys; what waits to be published and for how long;
what is held back and why; what the leader can't do though it tries; and when the first signature ends.`,
		"  quorate zone status example\n  quorate zone status example --json", cobra.ExactArgs(1))
	t.reads(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		z, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.ZoneStatus, error) {
			return client.Zone(ctx, args[0])
		})
		if err != nil {
			return err
		}
		return showZone(c, t, z)
	}
	return c
}

func zoneSetCommand() *cobra.Command {
	c, t := leaf("set TLD", "Change how much may go from a zone at once, and whether it has wildcards",
		`Changes a zone's breaker: how many delegations may go within a window before the others are
held back. So many go in any case as --breaker-least says; beyond that, a share of those that there
were, in thousandths. With 1000 it never trips. What concerns signatures is changed with
"quorate dnssec sign".`,
		"  quorate zone set example --breaker-share 20 --breaker-least 100 --breaker-window 6h\n  quorate zone set example --wildcards", cobra.ExactArgs(1))
	var share int
	var least uint64
	var window string
	var wildcards bool
	f := c.Flags()
	f.IntVar(&share, "breaker-share", 50, "thousandths of the delegations that may go within the window")
	f.Uint64Var(&least, "breaker-least", 50, "`number` of delegations that may go in any case")
	f.StringVar(&window, "breaker-window", "1h", "for how `long` removals are counted")
	f.BoolVar(&wildcards, "wildcards", false, "operators' records may stand at wildcards")
	onZone(c, t, func(ctx context.Context, client *admin.Client, zone string) (admin.ZoneStatus, error) {
		w := admin.ZonePolicyChange{
			BreakerShare: given(c, "breaker-share", &share), BreakerLeast: given(c, "breaker-least", &least),
			BreakerWindow: given(c, "breaker-window", &window), Wildcards: given(c, "wildcards", &wildcards),
		}
		if w == (admin.ZonePolicyChange{}) {
			return admin.ZoneStatus{}, unchanged("breaker-share", "breaker-least", "breaker-window", "wildcards")
		}
		return client.SetZonePolicy(ctx, zone, w)
	})
	return c
}

// given is a flag's value if it was given.
func given[T any](c *cobra.Command, flag string, value *T) *T {
	if !c.Flags().Changed(flag) {
		return nil
	}
	return value
}

// unchanged refuses a change that changes nothing: whoever asks for it has forgotten a flag, and would take the answer for success.
func unchanged(flags ...string) error {
	return fmt.Errorf("nothing is to be changed: say what, with --%s", strings.Join(flags, ", --"))
}

func zoneRecordsCommand() *cobra.Command {
	var set, remove []string
	c, t := leaf("records TLD [--set RECORD]... [--remove 'NAME TYPE']...", "Change the records that operators add to a zone",
		`Sets and removes records that don't come from registrations: TXT and CAA at the apex, nic.TLD with
data or delegated elsewhere, wildcards if the zone's policy allows them. A record is a line of a
master file; a name without a final dot is below the zone, @ is its apex. All records of a name and
type are set at once and replace those before. A name that has such records can't be registered.`,
		`  quorate zone records example --set '@ 3600 TXT "hello"' --set '@ CAA 0 issue "ca.test"'
  quorate zone records example --set 'nic 3600 NS ns1.nic' --set 'nic NS ns.elsewhere.test.'
  quorate zone records example --remove '@ TXT'`, cobra.ExactArgs(1))
	c.Flags().StringArrayVar(&set, "set", nil, "`record` to set; once for each")
	c.Flags().StringArrayVar(&remove, "remove", nil, "`name and type` of records to remove; once for each")
	onZone(c, t, func(ctx context.Context, client *admin.Client, zone string) (admin.ZoneStatus, error) {
		if len(set)+len(remove) == 0 {
			return admin.ZoneStatus{}, unchanged("set", "remove")
		}
		return client.SetRecords(ctx, zone, admin.RecordsChange{Set: set, Remove: remove})
	})
	return c
}

func zoneActionCommand(do, short, long string) *cobra.Command {
	c, t := leaf(do+" TLD", short, long, "  quorate zone "+do+" example", cobra.ExactArgs(1))
	onZone(c, t, func(ctx context.Context, client *admin.Client, zone string) (admin.ZoneStatus, error) {
		return client.ControlZone(ctx, zone, admin.ZoneAction{Do: do})
	})
	return c
}

func zoneRollbackCommand() *cobra.Command {
	var to uint32
	c, t := leaf("rollback TLD --to SERIAL", "Publish an older content of a zone again",
		`Publishes the content that a zone had at an older serial, under a new serial and freshly signed,
and freezes the zone until "quorate zone thaw". The serial must be in the zone's journal. The registry
itself does not change: correct there what was wrong, and thaw.`,
		"  quorate zone rollback example --to 1", cobra.ExactArgs(1))
	c.Flags().Uint32Var(&to, "to", 0, "`serial` whose content is wanted")
	if err := c.MarkFlagRequired("to"); err != nil {
		panic(err)
	}
	onZone(c, t, func(ctx context.Context, client *admin.Client, zone string) (admin.ZoneStatus, error) {
		return client.ControlZone(ctx, zone, admin.ZoneAction{Do: "rollback", To: to})
	})
	return c
}

func zoneSerialCommand() *cobra.Command {
	var to uint32
	c, t := leaf("serial TLD --after SERIAL", "Raise a zone's serial",
		`Goes on after a higher serial: for a zone that is taken over from elsewhere, when its secondaries have
seen higher serials than ours. They transfer the zone whole.`,
		"  quorate zone serial example --after 2026010100", cobra.ExactArgs(1))
	c.Flags().Uint32Var(&to, "after", 0, "`serial` to go on after")
	if err := c.MarkFlagRequired("after"); err != nil {
		panic(err)
	}
	onZone(c, t, func(ctx context.Context, client *admin.Client, zone string) (admin.ZoneStatus, error) {
		return client.ControlZone(ctx, zone, admin.ZoneAction{Do: "serial", To: to})
	})
	return c
}

func showZone(c *cobra.Command, t *target, z admin.ZoneStatus) error {
	if t.json {
		return writeJSON(c, z)
	}
	return describeZone(c.OutOrStdout(), z)
}

// trouble is what the leader can't do, in a line.
func trouble(t admin.Trouble) string {
	if t.Attempts == 0 {
		return t.Duty + ": " + t.Why
	}
	return fmt.Sprintf("%s, %d times since %s, again at %s: %s", t.Duty, t.Attempts, t.Since, t.Next, t.Why)
}

// breaker is how much may go from a zone at once, in words where that is any number.
func breaker(p *admin.ZonePolicy) string {
	if p.BreakerShare >= 1000 || p.BreakerLeast >= math.MaxInt64 {
		return "none: any number of delegations may go at once"
	}
	return fmt.Sprintf("%d of 1000 delegations in %s, %d in any case", p.BreakerShare, p.BreakerWindow, p.BreakerLeast)
}

func describeZone(w io.Writer, z admin.ZoneStatus) error {
	fields := []field{
		{"Zone", z.Name},
		{"Serial", fmt.Sprintf("%d, of %s; the journal goes back %d", z.Serial, z.Changed, z.Journal)},
		{"Form", z.Form},
		{"Delegations", fmt.Sprint(z.Delegations)},
		{"First signature ends", z.FirstExpiry},
	}
	if z.Marked > 0 {
		fields = append(fields, field{"To publish", fmt.Sprintf("%d names, the oldest for %.0f s", z.Marked, z.Behind)})
	}
	if z.Frozen {
		fields = append(fields, field{"Frozen", "changes wait: quorate zone thaw " + z.Name})
	}
	if z.RollingBack != nil {
		fields = append(fields, field{"Going back", fmt.Sprintf("to the content of serial %d", *z.RollingBack)})
	}
	if b := z.Building; b != nil {
		fields = append(fields, field{"In the making", fmt.Sprintf("%s since %s: %s, %d RRsets", b.Form, b.Begun, b.Phase, b.RRsets)})
	}
	for _, t := range z.Troubles {
		fields = append(fields, field{"Trouble", trouble(t)})
	}
	if z.Held > 0 {
		fields = append(fields, field{"Held back", fmt.Sprintf("%d names: quorate zone release %s", z.Held, z.Name)})
	}
	for _, h := range z.HeldNames {
		fields = append(fields, field{"", h.Name + ": " + h.Why})
	}
	if p := z.Policy; p != nil {
		keys := "combined keys"
		if p.Split {
			keys = "KSK and ZSK"
		}
		fields = append(fields,
			field{"Policy", fmt.Sprintf("%s, algorithm %d, %s, TTL of keys %d s", p.Form, p.Algorithm, keys, p.KeyTTL)},
			field{"Signatures", fmt.Sprintf("for %s less up to %s, renewed %s before their end", p.Validity, p.Jitter, p.Refresh)},
			field{"Breaker", breaker(p)})
	} else {
		fields = append(fields, field{"Policy", "none: a zone from before cluster level 3; see quorate dnssec sign"})
	}
	for _, k := range z.Keys {
		fields = append(fields, field{fmt.Sprintf("Key %d", k.Number), fmt.Sprintf("%s, tag %d, algorithm %d, %s", k.Kind, k.Tag, k.Algorithm, k.State)})
	}
	for _, r := range z.Records {
		fields = append(fields, field{"Record", r})
	}
	return describe(w, fields)
}

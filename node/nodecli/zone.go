package nodecli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func zoneCommand() *cobra.Command {
	return group("zone", "Zones: what is published, and who copies them",
		"Commands about the zones of TLDs: what is published and what is held back, how to stop or undo it, and\nsecondaries. These and their keys are part of the replicated state: they may transfer a zone (AXFR, IXFR)\nfrom any node, and the leader tells them of new serials.",
		append(zoneControlCommands(), zoneExportCommand(), zoneSecondariesCommand(), zoneAddSecondaryCommand(), zoneRemoveSecondaryCommand(), zoneTSIGCommand())...)
}

func zoneExportCommand() *cobra.Command {
	var out string
	c, t := leaf("export TLD [--out FILE]", "Write a zone's master file",
		`Writes a zone as it is served, in the form of ICANN's zone data service (CZDS): one record
a line, names whole and in lower case, TTL and class explicit, separated by tabs, in
canonical order, the SOA first and once more last.`,
		"  quorate zone export example --out example.zone\n  quorate zone export example --site site2", cobra.ExactArgs(1))
	c.Flags().StringVar(&out, "out", "", "`file` to write, replaced only when the zone is whole (default: standard output)")
	c.RunE = func(c *cobra.Command, args []string) error {
		folder := ""
		if out != "" {
			folder = filepath.Dir(out)
		}
		f, err := os.CreateTemp(folder, ".zone-*")
		if err != nil {
			return fmt.Errorf("a file for the zone: %w", err)
		}
		defer os.Remove(f.Name())
		defer f.Close()
		_, err = ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (struct{}, error) {
			// What a node before may have sent is no part of it.
			if err := errors.Join(f.Truncate(0), seek(f)); err != nil {
				return struct{}{}, err
			}
			return struct{}{}, client.ExportZone(ctx, args[0], f)
		})
		if err != nil {
			return err
		}
		if out != "" {
			return errors.Join(f.Chmod(0o644), f.Sync(), f.Close(), os.Rename(f.Name(), out))
		}
		if err := seek(f); err != nil {
			return err
		}
		_, err = io.Copy(c.OutOrStdout(), f)
		return err
	}
	return c
}

func seek(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

func zoneSecondariesCommand() *cobra.Command {
	c, t := leaf("secondaries [TLD]", "List secondaries", "Lists the secondaries of a zone, or of all zones.",
		"  quorate zone secondaries\n  quorate zone secondaries example --json", cobra.MaximumNArgs(1))
	t.reads(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		zone := ""
		if len(args) > 0 {
			zone = args[0]
		}
		all, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) ([]admin.Secondary, error) {
			return client.Secondaries(ctx, zone)
		})
		if err != nil {
			return err
		}
		return showSecondaries(c, t, all)
	}
	return c
}

func showSecondaries(c *cobra.Command, t *target, all []admin.Secondary) error {
	if t.json {
		return writeJSON(c, all)
	}
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{s.Zone, s.Name, strings.Join(s.Networks, " "), strings.Join(s.Notify, " "), s.Key})
	}
	return table(c.OutOrStdout(), []string{"ZONE", "NAME", "NETWORKS", "NOTIFY", "KEY"}, rows)
}

func zoneAddSecondaryCommand() *cobra.Command {
	var s admin.Secondary
	c, t := leaf("add-secondary TLD NAME", "Add a secondary to a zone, or change it",
		`Adds a name server to those that may transfer a zone, and to those that are told of new
serials. It needs a TSIG key, networks, or both; with both, both must be right. A secondary
of that name is replaced.`,
		`  quorate zone tsig add key.ops.example
  quorate zone add-secondary example ops1 --tsig key.ops.example --notify 192.0.2.53
  quorate zone add-secondary example ops2 --network 192.0.2.0/24 --notify [2001:db8::53]:5353`, cobra.ExactArgs(2))
	t.writes(c)
	f := c.Flags()
	f.StringVar(&s.Key, "tsig", "", "`name` of the TSIG key that it must sign with, and NOTIFY is signed with")
	f.StringSliceVar(&s.Networks, "network", nil, "`network` whence it may transfer; once for each (default: any, with --tsig)")
	f.StringSliceVar(&s.Notify, "notify", nil, "`address`, with port if it isn't 53, at which it is told; once for each")
	c.RunE = func(c *cobra.Command, args []string) error {
		s.Zone, s.Name = args[0], args[1]
		shown, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Secondary, error) {
			return client.PutSecondary(ctx, s)
		})
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, shown)
		}
		return showSecondaries(c, t, []admin.Secondary{shown})
	}
	return c
}

func zoneRemoveSecondaryCommand() *cobra.Command {
	c, t := leaf("remove-secondary TLD NAME", "Remove a secondary from a zone", "Removes a secondary: it may transfer the zone no more, and is told of no serial.",
		"  quorate zone remove-secondary example ops2", cobra.ExactArgs(2))
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		_, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (struct{}, error) {
			return struct{}{}, client.DeleteSecondary(ctx, args[0], args[1])
		})
		return err
	}
	return c
}

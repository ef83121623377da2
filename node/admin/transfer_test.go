package admin_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quorate/node/admin"
)

func status(err error) int {
	var e *admin.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

func TestTSIGKeysAndSecondaries(t *testing.T) {
	t.Parallel()
	c := atLevel(t, 2)
	ctx, client := t.Context(), c.Client(0)
	if _, err := client.CreateTLD(ctx, exampleTLD()); err != nil {
		t.Fatal(err)
	}
	zone := exampleTLD().Name
	made, err := client.PutTSIGKey(ctx, "Key.Ops.Test.", admin.TSIGKey{})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base64.StdEncoding.DecodeString(made.Secret)
	if made.Name != "key.ops.test" || made.Algorithm != "hmac-sha256" || err != nil || len(secret) != 32 || made.Created == "" {
		t.Errorf("made %+v", made)
	}
	given := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 64))
	if k, err := client.PutTSIGKey(ctx, "second", admin.TSIGKey{Algorithm: "hmac-sha512", Secret: given}); err != nil || k.Secret != given {
		t.Errorf("made %+v, %v", k, err)
	}
	other := c.Client(1)
	if k, err := other.TSIGKey(ctx, "second"); err != nil || k.Secret != given || k.Algorithm != "hmac-sha512" {
		t.Errorf("shown %+v, %v", k, err)
	}
	if all, err := other.TSIGKeys(ctx); err != nil || len(all) != 2 || all[0].Secret != "" {
		t.Errorf("listed %+v, %v", all, err)
	}
	want := admin.Secondary{Zone: zone, Name: "ops1", Key: "second", Networks: []string{"192.0.2.0/24", "2001:db8::1/128"}, Notify: []string{"192.0.2.1", "[2001:db8::1]:5353"}}
	put, err := client.PutSecondary(ctx, admin.Secondary{Zone: strings.ToUpper(zone), Name: "ops1", Key: "second.", Networks: []string{"192.0.2.0/24", "2001:db8::1"}, Notify: []string{"192.0.2.1:53", "[2001:db8::1]:5353"}})
	if err != nil {
		t.Fatal(err)
	}
	want.Created = put.Created
	if put.Created == "" || !reflect.DeepEqual(put, want) {
		t.Errorf("put %+v", put)
	}
	for _, of := range []string{"", zone} {
		if all, err := other.Secondaries(ctx, of); err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], want) {
			t.Errorf("listed %+v, %v", all, err)
		}
	}
	for what, got := range map[string]struct{ status, want int }{
		"a key that is needed":   {status(client.DeleteTSIGKey(ctx, "second")), 409},
		"no key of that name":    {status(client.DeleteTSIGKey(ctx, "third")), 404},
		"SHA-1":                  {status(errOf(client.PutTSIGKey(ctx, "k", admin.TSIGKey{Algorithm: "hmac-sha1"}))), 400},
		"a short secret":         {status(errOf(client.PutTSIGKey(ctx, "k", admin.TSIGKey{Secret: "c2hvcnQ="}))), 400},
		"a bad key name":         {status(errOf(client.PutTSIGKey(ctx, "a..b", admin.TSIGKey{}))), 400},
		"no zone":                {status(errOf(client.PutSecondary(ctx, admin.Secondary{Zone: "nowhere", Name: "x", Key: "second"}))), 404},
		"no key":                 {status(errOf(client.PutSecondary(ctx, admin.Secondary{Zone: zone, Name: "x", Key: "third"}))), 404},
		"nothing to go by":       {status(errOf(client.PutSecondary(ctx, admin.Secondary{Zone: zone, Name: "x"}))), 400},
		"a bad address":          {status(errOf(client.PutSecondary(ctx, admin.Secondary{Zone: zone, Name: "x", Notify: []string{"ns1.test"}}))), 400},
		"a network's host bits":  {status(errOf(client.PutSecondary(ctx, admin.Secondary{Zone: zone, Name: "x", Networks: []string{"192.0.2.9/24"}}))), 400},
		"a bad network":          {status(errOf(client.PutSecondary(ctx, admin.Secondary{Zone: zone, Name: "x", Networks: []string{"all"}}))), 400},
		"secondaries of no zone": {status(errOf(client.Secondaries(ctx, "nowhere"))), 404},
		"export of no zone":      {status(client.ExportZone(ctx, "nowhere", new(bytes.Buffer))), 404},
	} {
		if got.status != got.want {
			t.Errorf("%s: status %d, want %d", what, got.status, got.want)
		}
	}
	if err := errors.Join(client.DeleteSecondary(ctx, zone, "ops1"), client.DeleteTSIGKey(ctx, "second"), client.DeleteTSIGKey(ctx, "key.ops.test")); err != nil {
		t.Error(err)
	}
	if err := client.DeleteSecondary(ctx, zone, "ops1"); status(err) != 404 {
		t.Errorf("deleted twice: %v", err)
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestZoneExport(t *testing.T) {
	t.Parallel()
	c := atLevel(t, 1)
	client := c.Client(0)
	if _, err := client.CreateTLD(t.Context(), exampleTLD()); err != nil {
		t.Fatal(err)
	}
	zone := exampleTLD().Name
	var out bytes.Buffer
	if err := client.ExportZone(t.Context(), zone, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) < 4 || lines[0] != lines[len(lines)-1] || !strings.HasPrefix(lines[0], zone+".\t") || !strings.Contains(lines[0], "\tin\tsoa\t") {
		t.Fatalf("got\n%s", out.String())
	}
	for _, l := range lines {
		if f := strings.Split(l, "\t"); len(f) != 5 || f[2] != "in" || strings.ToLower(strings.Join(f[:4], "\t")) != strings.Join(f[:4], "\t") || !strings.HasSuffix(f[0], zone+".") {
			t.Errorf("line %q", l)
		}
	}
	if slices.Compare(lines[1:2], []string{zone + "."}) < 0 {
		t.Errorf("the apex is not first:\n%s", out.String())
	}
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, check := range [][]string{{"named-checkzone", zone, file}, {"kzonecheck", "-t", "20260102000000", "-o", zone, file}, {"ldns-read-zone", file}} {
		path, err := exec.LookPath(check[0])
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Errorf("%s is not installed", check[0])
			}
			continue
		}
		if text, err := exec.Command(path, check[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s\n%s", check, err, text, out.String())
		}
	}
}

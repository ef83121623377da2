package rdds_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/rdds"
	"quorate/rdds/internal/fixture"
)

func TestFindRegistrar(t *testing.T) {
	t.Parallel()
	reg := fixture.Filled(t)
	var registrars rdds.Registrars
	find := func(text string) (id string) {
		err := rdds.Read(t.Context(), reg, func(v fsm.View) error {
			r, _ := registrars.Find(v, text)
			id = r.ID
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for text, want := range map[string]string{
		"1000001": "reg1", "reg1": "reg1", "registrar one, ltd": "reg1", " REGISTRAR  ONE, LTD ": "reg1", "RÉGISTRAR TWO": "reg2",
		"0": "", "1000002": "", "4294968297": "", "nobody": "", "": "", strings.Repeat("r", rdds.MaxRegistrarName+1): "",
	} {
		if got := find(text); got != want {
			t.Errorf("%q finds %q, not %q", text, got, want)
		}
	}
	reg.Do(fixture.Operator, registry.KindRegistrarCreate, registry.RegistrarCreate{Registrar: registry.Registrar{ID: "reg3", Name: "Third"}})
	reg.Wait(registry.Second)
	if got := find("third"); got != "reg3" {
		t.Errorf("a second after its creation the name finds %q", got)
	}
}

func TestSponsorWithoutARow(t *testing.T) {
	t.Parallel()
	err := rdds.Read(t.Context(), fixture.Filled(t), func(v fsm.View) error {
		if r := rdds.Sponsor(v, "op"); r.ID != "op" || r.Name != "op" {
			t.Errorf("an operator is shown as %+v", r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBrokenStateIsAnError(t *testing.T) {
	t.Parallel()
	err := rdds.Read(t.Context(), fixture.Filled(t), func(v fsm.View) error {
		v.HostByNumber(1 << 40)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "1099511627776") {
		t.Errorf("a dangling link gives %v", err)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := rdds.Read(ctx, fixture.Empty(t), func(fsm.View) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestParseName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, want string
		err      error
	}{
		{"foo.example", "foo.example", nil},
		{"FOO.Example.", "foo.example", nil},
		{"xn--fo-5ja.example", "xn--fo-5ja.example", nil},
		{"example", "example", nil},
		{"föö.example", "", rdds.ErrULabel},
		{"", "", rdds.ErrName},
		{".", "", rdds.ErrName},
		{"foo..example", "", rdds.ErrName},
		{"foo.example..", "", rdds.ErrName},
		{"-foo.example", "", rdds.ErrName},
		{"foo bar.example", "", rdds.ErrName},
		{"foo_bar.example", "", rdds.ErrName},
		{strings.Repeat("a", 64) + ".example", "", rdds.ErrName},
		{strings.Repeat("a.", 127) + "b", "", rdds.ErrName},
	} {
		if got, err := rdds.ParseName(tt.in); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q: %q, %v", tt.in, got, err)
		}
	}
}

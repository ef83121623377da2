package rdap

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"quorate/fsm/registry"
	"quorate/rdds"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path string
		want Query
		err  error
	}{
		{"domain/foo.example", Query{DomainClass, "foo.example"}, nil},
		{"domain/FOO.Example.", Query{DomainClass, "foo.example"}, nil},
		{"domain/f%6fo.example", Query{DomainClass, "foo.example"}, nil},
		{"domain/xn--fo-5ja.example", Query{DomainClass, "xn--fo-5ja.example"}, nil},
		{"nameserver/NS1.foo.example", Query{NameserverClass, "ns1.foo.example"}, nil},
		{"entity/292", Query{EntityClass, "292"}, nil},
		{"entity/Registrar%20One%2c%20A%2FS", Query{EntityClass, "Registrar One, A/S"}, nil},
		{"entity/R%C3%A9gistrar", Query{EntityClass, "Régistrar"}, nil},
		{"help", Query{Class: HelpClass}, nil},
		{"", Query{}, ErrSyntax},
		{"help/", Query{}, ErrSyntax},
		{"Domain/foo.example", Query{}, ErrSyntax},
		{"domain", Query{}, ErrSyntax},
		{"domain/", Query{}, ErrSyntax},
		{"domain//foo.example", Query{}, ErrSyntax},
		{"domain/foo.example/", Query{}, ErrSyntax},
		{"domain/foo.example/ns", Query{}, ErrSyntax},
		{"contact/x", Query{}, ErrSyntax},
		{"entity/%zz", Query{}, ErrSyntax},
		{"entity/%ff", Query{}, ErrSyntax},
		{"entity/a%00b", Query{}, ErrSyntax},
		{"entity/" + strings.Repeat("a", maxPath), Query{}, ErrSyntax},
		{"domain/f%C3%B6%C3%B6.example", Query{}, rdds.ErrULabel},
		{"domain/foo_bar.example", Query{}, rdds.ErrName},
		{"domain/-foo.example", Query{}, rdds.ErrName},
		{"nameserver/ns1..example", Query{}, rdds.ErrName},
		{"domains", Query{}, ErrUnsupported},
		{"nameservers", Query{}, ErrUnsupported},
		{"entities", Query{}, ErrUnsupported},
		{"ip/192.0.2.0/24", Query{}, ErrUnsupported},
		{"autnum/64500", Query{}, ErrUnsupported},
	} {
		got, err := ParsePath(tt.path)
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("%.60q: %+v, %v", tt.path, got, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, path := range []string{
		"domain/foo.example", "domain/FOO.example.", "nameserver/ns1.foo.example", "entity/Registrar%20One%2c%20A%2FS", "entity/292", "help",
		"domains", "ip/::/0", "domain/f%C3%B6.example", "entity/%ff", "entity/%", "", "/", "domain//",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		q, err := ParsePath(path)
		if err != nil {
			return
		}
		switch q.Class {
		case DomainClass, NameserverClass:
			if !registry.ValidName(q.Text) {
				t.Errorf("%q is taken for the name %q", path, q.Text)
			}
		case EntityClass:
			if q.Text == "" {
				t.Errorf("%q is taken for an entity without a handle", path)
			}
		case HelpClass:
			if path != "help" {
				t.Errorf("%q is taken for help", path)
			}
			return
		default:
			t.Fatalf("%q is of class %d", path, q.Class)
		}
		again, err := ParsePath(classNames[q.Class] + "/" + url.PathEscape(q.Text))
		if err != nil && len(path) < maxPath/3 || err == nil && again != q {
			t.Errorf("%+v reads back as %+v, %v", q, again, err)
		}
	})
}

package whois

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"quorate/fsm/registry"
	"quorate/rdds"
)

func TestParseQuery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line string
		want Query
		err  error
	}{
		{"foo.example\r\n", Query{AnyName, "foo.example"}, nil},
		{"FOO.example.\n", Query{AnyName, "foo.example"}, nil},
		{"foo.example", Query{AnyName, "foo.example"}, nil},
		{"  domain \t Foo.example \r\n", Query{Domain, "foo.example"}, nil},
		{"Domain foo.example\r\n", Query{Domain, "foo.example"}, nil},
		{"nameserver ns1.foo.example\r\n", Query{NameServer, "ns1.foo.example"}, nil},
		{"host ns1.foo.example\r\n", Query{NameServer, "ns1.foo.example"}, nil},
		{"ns ns1.foo.example\r\n", Query{NameServer, "ns1.foo.example"}, nil},
		{"registrar Registrar One,  Ltd\r\n", Query{Registrar, "Registrar One, Ltd"}, nil},
		{"registrar 292\r\n", Query{Registrar, "292"}, nil},
		{"registrar -x\r\n", Query{Registrar, "-x"}, nil},
		{"\r\n", Query{}, ErrUsage},
		{"domain\r\n", Query{}, ErrUsage},
		{"registrar \r\n", Query{}, ErrUsage},
		{"foo.example bar.example\r\n", Query{}, ErrUsage},
		{"domain foo.example bar.example\r\n", Query{}, ErrUsage},
		{"help me\r\n", Query{}, ErrUsage},
		{"-T dn foo.example\r\n", Query{}, ErrFlag},
		{"--\r\n", Query{}, ErrFlag},
		{"foo_bar.example\r\n", Query{}, rdds.ErrName},
		{"föö.example\r\n", Query{}, rdds.ErrULabel},
		{"f\xf6\xf6.example\r\n", Query{}, ErrEncoding},
		{"foo\x00.example\r\n", Query{}, ErrEncoding},
		{strings.Repeat("a", MaxQuery+1) + "\r\n", Query{}, ErrTooLong},
	} {
		got, err := ParseQuery([]byte(tt.line))
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("%q: %+v, %v", tt.line, got, err)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, line := range []string{
		"foo.example\r\n", "domain foo.example\n", "nameserver ns1.foo.example.\r\n", "registrar Registrar One, Ltd\r\n",
		"registrar 292", "-h\r\n", "=foo\r\n", "\r\n", "f\xc3\xb6\xc3\xb6.example\r\n", "domain \xff\r\n", "ns \u2028\r\n",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		q, err := ParseQuery(line)
		if err != nil {
			if text := usage(err); strings.Count(text, "\r\n") != 2 || strings.Count(text, "\n") != 2 {
				t.Errorf("the usage of %q is not two lines: %q", line, text)
			}
			return
		}
		if len(q.Text) > MaxQuery || !utf8.ValidString(q.Text) || q.Text == "" {
			t.Errorf("%q is taken for %+v", line, q)
		}
		if q.Object != Registrar && !registry.ValidName(q.Text) {
			t.Errorf("%q is taken for the name %q", line, q.Text)
		}
		again, err := ParseQuery([]byte(map[Object]string{Domain: "domain ", NameServer: "ns ", Registrar: "registrar "}[q.Object] + q.Text))
		if err == nil && again != q {
			t.Errorf("%+v reads back as %+v", q, again)
		}
	})
}

package rdap_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// evaluate finds what a JSONPath (RFC 9535) leads to, as far as the language occurs in redactions: members,
// indices, and filters that compare a path below the current node with a string. It fails on anything else.
func evaluate(root any, path string) ([]any, error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, fmt.Errorf("%q does not begin at the root", path)
	}
	return walk([]any{root}, rest)
}

var (
	member = regexp.MustCompile(`^\.([A-Za-z][A-Za-z0-9]*)`)
	index  = regexp.MustCompile(`^\[([0-9]+)\]`)
	filter = regexp.MustCompile(`^\[\?\(@([^=]+)=='([^']*)'\)\]`)
)

func walk(nodes []any, path string) ([]any, error) {
	for path != "" {
		var next []any
		var step []string
		if step = member.FindStringSubmatch(path); step != nil {
			for _, n := range nodes {
				if object, ok := n.(map[string]any); ok {
					if value, ok := object[step[1]]; ok {
						next = append(next, value)
					}
				}
			}
		} else if step = index.FindStringSubmatch(path); step != nil {
			i, err := strconv.Atoi(step[1])
			if err != nil {
				return nil, err
			}
			for _, n := range nodes {
				if array, ok := n.([]any); ok && i < len(array) {
					next = append(next, array[i])
				}
			}
		} else if step = filter.FindStringSubmatch(path); step != nil {
			for _, n := range nodes {
				array, ok := n.([]any)
				if !ok {
					continue
				}
				for _, child := range array {
					found, err := walk([]any{child}, step[1])
					if err != nil {
						return nil, err
					}
					if len(found) == 1 && found[0] == step[2] {
						next = append(next, child)
					}
				}
			}
		} else {
			return nil, fmt.Errorf("can't evaluate %q", path)
		}
		nodes, path = next, path[len(step[0]):]
	}
	return nodes, nil
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	var doc any
	if err := json.Unmarshal([]byte(`{"a": [{"r": ["x"], "v": [["fn", {}, ""], ["tel", {"type": "fax"}, "1"]]}, {"r": ["y"]}]}`), &doc); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"$.b":                      `[]`,
		"$.a[1].r[0]":              `["y"]`,
		"$.a[2]":                   `[]`,
		"$.a[?(@.r[0]=='x')].v[0]": `[["fn",{},""]]`,
		"$.a[?(@.r[0]=='x')].v[?(@[0]=='fn')][2]":      `[""]`,
		"$.a[?(@.r[0]=='x')].v[?(@[1].type=='fax')]":   `[["tel",{"type":"fax"},"1"]]`,
		"$.a[?(@.r[0]=='x')].v[?(@[1].type=='voice')]": `[]`,
		"$.a[?(@.r[0]=='z')].v":                        `[]`,
	} {
		found, err := evaluate(doc, path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if got := stringOf(append([]any{}, found...)); got != want {
			t.Errorf("%s leads to %s, not %s", path, got, want)
		}
	}
	for _, path := range []string{"", "a", "$a", "$.a[*]", "$..a", "$.a[?(@.r)]"} {
		if _, err := evaluate(doc, path); err == nil {
			t.Errorf("%q is evaluated", path)
		}
	}
}

package rdds

import (
	"reflect"
	"testing"

	"quorate/fsm/registry"
)

func TestPublishFollowsDisclosure(t *testing.T) {
	t.Parallel()
	person := func(kind, name string) registry.PostalInfo {
		return registry.PostalInfo{
			Type: kind, Name: name, Org: "Org", Street: []string{"Street"}, City: "City", Province: "Province", PostalCode: "PC", Country: "NZ",
		}
	}
	both := []registry.PostalInfo{person("loc", "Local"), person("int", "International")}
	const everything = Name | Organization | Address | Voice | Fax | Email
	for _, tt := range []struct {
		title    string
		postal   []registry.PostalInfo
		disclose *registry.Disclose
		withheld Fields
	}{
		{"no wish: the server's policy", both, nil, Name | Address | Voice | Fax | Email},
		{"everything opened", both, &registry.Disclose{Flag: true, Elements: []string{"name:int", "addr:int", "voice", "fax", "email"}}, 0},
		{"everything closed", both, &registry.Disclose{Flag: false, Elements: []string{"name:int", "org:int", "addr:int", "voice", "fax", "email"}}, everything},
		{"the other form opened", both, &registry.Disclose{Flag: true, Elements: []string{"name:loc"}}, Name | Address | Voice | Fax | Email},
		{"the only form opened", both[:1], &registry.Disclose{Flag: true, Elements: []string{"name:loc"}}, Address | Voice | Fax | Email},
		{"the organization closed", both, &registry.Disclose{Flag: false, Elements: []string{"org:int"}}, everything},
		{"no form at all", nil, nil, Name | Address | Voice | Fax | Email},
		{"an unknown element", both, &registry.Disclose{Flag: true, Elements: []string{"", ":int", "id"}}, Name | Address | Voice | Fax | Email},
	} {
		stored := registry.Contact{
			Postal: tt.postal, Voice: registry.Phone{Number: "+1.1", Extension: "1"}, Fax: registry.Phone{Number: "+1.2", Extension: "2"}, Email: "a@b.test",
			Disclose: tt.disclose,
		}
		got := Publish(stored)
		p := preferred(tt.postal)
		want := Contact{
			Withheld: tt.withheld, Name: p.Name, Organization: p.Org, Street: p.Street, City: p.City, Province: p.Province,
			PostalCode: p.PostalCode, Country: p.Country, Voice: stored.Voice, Fax: stored.Fax, Email: stored.Email,
		}
		if tt.withheld.Has(Name) {
			want.Name = ""
		}
		if tt.withheld.Has(Organization) {
			want.Organization = ""
		}
		if tt.withheld.Has(Address) {
			want.Street, want.City, want.PostalCode = nil, "", ""
		}
		if tt.withheld.Has(Voice) {
			want.Voice = registry.Phone{}
		}
		if tt.withheld.Has(Fax) {
			want.Fax = registry.Phone{}
		}
		if tt.withheld.Has(Email) {
			want.Email = ""
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.title, got, want)
		}
	}
	if p := preferred(both); p.Name != "International" {
		t.Errorf("of two forms %q is published", p.Name)
	}
}

package load

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Command is an EPP command about a domain.
type Command string

// The commands, in the order of a domain's life.
const (
	Check  Command = "check"
	Info   Command = "info"
	Create Command = "create"
	Renew  Command = "renew"
	Update Command = "update"
	Delete Command = "delete"
)

// Commands are all commands, in the order of tables.
var Commands = []Command{Check, Info, Create, Renew, Update, Delete}

// transforms says whether the command changes the registry.
func (c Command) transforms() bool { return c != Check && c != Info }

// Mix is what clients send: the share of each command, and how many arrive.
type Mix struct {
	Name    string
	Text    string // what it is, in a line
	Weights map[Command]float64
	// PerMillion is how many commands arrive in a second for each million names; 0: the model doesn't say.
	PerMillion float64
	// Rate is how many arrive in a second at the registry that the model describes; 0: closed loop.
	Rate float64
	// Storm has all connections create the same names at the same instant, again and again.
	Storm bool
	// Prepared is how many names each connection registers before it begins, so that there is something to ask for and to change.
	Prepared int
}

const month = 365.2425 / 12 * 24 * 3600 // in seconds

// Mixes are the load models that there are. What a source doesn't say (how
// reads split into check and info, and transforms among each other) is our choice: as many
// creates as deletes and renewals keep a registry of that size in motion.
var Mixes = []Mix{
	{Name: "create", Text: "creates only", Weights: map[Command]float64{Create: 1}},
	{
		// FRED (CZ.NIC), published: for each million names 3.5 M writes and 30 M EPP reads a month; its WHOIS and RDAP aren't EPP's.
		Name: "steady", Text: "FRED's model: 30 reads to 3.5 transforms", PerMillion: 33.5e6 / month, Prepared: 10,
		Weights: map[Command]float64{Check: 15, Info: 15, Create: 1, Renew: 0.9, Update: 1, Delete: 0.6},
	},
	{
		// ARI Registry Services' design for large TLDs: 70 transactions for each domain and month, query to transform as 3 to 2;
		// 20 M names make 540 a second.
		Name: "gtld", Text: "ARI's model of a large gTLD: queries to transforms as 3 to 2", PerMillion: 70e6 / month, Prepared: 20,
		Weights: map[Command]float64{Check: 30, Info: 30, Create: 14, Renew: 10, Update: 10, Delete: 6},
	},
	{
		// Verisign's figures for .com, 2012: 140 M transactions a day, over 95 % of them check and info.
		Name: "com", Text: ".com's: over 95 % check and info", Rate: 140e6 / (24 * 3600), Prepared: 10,
		Weights: map[Command]float64{Check: 80, Info: 16, Create: 1.6, Renew: 1, Update: 1, Delete: 0.4},
	},
	{Name: "drop", Text: "drop storm: everybody creates the same few names at the same instant", Weights: map[Command]float64{Create: 1}, Storm: true},
	// What the tests kill sites under: dense in transforms, and with all of them.
	{Name: "life", Text: "parts of domains' lives: mostly transforms", Weights: map[Command]float64{Check: 2, Info: 3, Create: 33, Renew: 21, Update: 30, Delete: 11}},
}

// MixByName is the mix of that name; the error names those that there are.
func MixByName(name string) (Mix, error) {
	var names []string
	for _, m := range Mixes {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Mix{}, fmt.Errorf("there is no mix %q; there are: %s", name, strings.Join(names, ", "))
}

// RateFor is how many commands arrive in a second, for so many million names; 0: closed loop.
func (m Mix) RateFor(millions float64) float64 {
	if m.PerMillion > 0 {
		return m.PerMillion * millions
	}
	return m.Rate
}

// choose makes a random choice by the weights.
func (m Mix) choose(random *rand.Rand) Command {
	var total float64
	for _, c := range Commands {
		total += m.Weights[c]
	}
	at := random.Float64() * total
	for _, c := range Commands {
		if at -= m.Weights[c]; at < 0 {
			return c
		}
	}
	return m.last()
}

// last is the last command with a weight: sums of floating-point numbers may fall short of their total.
func (m Mix) last() Command {
	all := slices.DeleteFunc(slices.Clone(Commands), func(c Command) bool { return m.Weights[c] == 0 })
	return all[len(all)-1]
}

package admin

import (
	"cmp"
	"net/http"
	"slices"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// deposit books what a registrar has paid in, and answers with the registrar.
func (h *handler) deposit(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	id := c.PathValue("id")
	if !registrarID.MatchString(id) {
		return 0, nil, invalidID(id)
	}
	var wanted Deposit
	if err := c.decode(&wanted); err != nil {
		return 0, nil, err
	}
	fund, err := wanted.registry(id)
	if err != nil {
		return 0, nil, err
	}
	r, err := h.execute(c, registry.KindRegistrarFund, fund)
	if err != nil {
		return 0, nil, err
	}
	var shown Registrar
	err = h.reread(c, r, func(v fsm.View) error {
		now, err := findRegistrar(v, id)
		shown = showRegistrar(v, now)
		return err
	})
	return http.StatusCreated, shown, err
}

func (d Deposit) registry(id string) (f registry.RegistrarFund, err error) {
	f.ID = id
	if d.Currency == "" {
		return f, missing("currency", "a deposit is in a currency")
	}
	if f.Currency, err = parseCurrency(d.Currency); err != nil {
		return f, err
	}
	switch {
	case d.Amount != "":
		if f.Amount, err = parseAmount("amount", d.Amount, f.Currency); err != nil {
			return f, err
		}
	case d.CreditLimit == nil:
		return f, missing("amount", "there is neither an amount nor a credit limit")
	}
	if d.CreditLimit != nil {
		limit, err := parseAmount("credit_limit", *d.CreditLimit, f.Currency)
		if err != nil {
			return f, err
		}
		f.CreditLimit = &limit
	}
	return f, nil
}

// ledger answers with the newest movements on a registrar's account in a currency, or in all, oldest first.
func (h *handler) ledger(c *call) (int, any, error) {
	p, err := c.parameters("currency", "limit", "level")
	if err != nil {
		return 0, nil, err
	}
	n, err := limit(p)
	if err != nil {
		return 0, nil, err
	}
	currency := ""
	if p["currency"] != "" {
		if currency, err = parseCurrency(p["currency"]); err != nil {
			return 0, nil, err
		}
	}
	all := []Posting{}
	err = h.read(c, p, func(v fsm.View) error {
		r, err := findRegistrar(v, c.PathValue("id"))
		if err != nil {
			return err
		}
		for _, a := range v.Accounts(registry.RegistrarAccount(r.ID)) {
			if currency == "" || a.Currency == currency {
				all = append(all, newestPostings(v, a, n)...)
			}
		}
		return c.Context().Err()
	})
	slices.SortFunc(all, func(a, b Posting) int { return cmp.Compare(a.Number, b.Number) })
	return http.StatusOK, all[len(all)-min(n, len(all)):], err
}

// newestPostings are the last n movements on an account, oldest first.
func newestPostings(v fsm.View, a registry.Account, n int) (all []Posting) {
	from := a.Last - min(a.Last, uint64(n)) + 1
	v.Ledger(a.Name, a.Currency, from, func(e registry.Entry) bool {
		p := Posting{
			Number: e.Number, Time: e.Time.String(), Currency: e.Currency, Why: e.Why, Object: e.Object, Undoes: e.Undoes,
			Amount: FormatMoney(e.Amount, e.Currency), Balance: FormatMoney(e.ToLeft, e.Currency),
		}
		if e.From == a.Name {
			p.Amount, p.Balance = FormatMoney(-e.Amount, e.Currency), FormatMoney(e.FromLeft, e.Currency)
		}
		all = append(all, p)
		return true
	})
	return all
}

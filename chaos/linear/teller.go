package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"quorate/chaos/cluster"
	"quorate/node/admin"
)

// teller asks for one account's balance at all sites, over and over, and pays in when it is found short, if told to.
type teller struct {
	cluster *cluster.Cluster
	record  *recorder
	client  int
	account string
	deposit int64 // in minor units; 0: none
	random  *rand.Rand
}

// count works until ctx ends.
func (t *teller) count(ctx context.Context) {
	paid, last := time.Now(), int64(0)
	for pause(ctx, observeEvery) {
		sites := t.cluster.Sites()
		op := &Op{Client: t.client, Site: sites[t.random.IntN(len(sites))], Kind: Balance, Actor: t.account}
		if last < t.deposit && time.Since(paid) > depositEvery {
			op.Kind, op.Amount, paid = Deposit, t.deposit, time.Now()
		}
		if t.ask(op); op.Kind == Balance && op.Outcome == OK {
			last = op.Amount
		}
	}
}

// ask asks the admin API, at the level that the operation is of.
func (t *teller) ask(op *Op) *Op {
	// As with EPP: what has been sent is waited for.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return t.record.do(op, func(op *Op) {
		a, err := t.cluster.Admin(op.Site)
		if err == nil && op.Kind == Deposit {
			_, err = a.Deposit(ctx, op.Actor, admin.Deposit{Currency: cluster.Currency, Amount: admin.FormatMoney(op.Amount, cluster.Currency)})
		} else if err == nil {
			err = readBalance(ctx, a, op)
		}
		op.Outcome = outcomeOf(err)
	})
}

// outcomeOf is what an error of the admin API's client means.
func outcomeOf(err error) Outcome {
	var refused *admin.Error
	var lost *admin.Unanswered
	switch {
	case err == nil:
		return OK
	case !admin.OutcomeUnknown(err) && (errors.As(err, &refused) || errors.As(err, &lost)):
		return Refused
	}
	return Unknown
}

package registry

// updatable refuses to update an object whose statuses forbid it. A client is let through its own
// clientUpdateProhibited only to remove it (RFC 5731 §2.3, RFC 5732 §2.3, RFC 5733 §2.2): when all that it asks
// for, onlyRemoves, is to remove statuses. An operator isn't held by what is there to hold clients.
func (x *Exec) updatable(has, remove Statuses, onlyRemoves bool, element, value string) *Failure {
	if x.Actor.Role == RoleOperator {
		has &^= ServerUpdateProhibited | ClientUpdateProhibited
	}
	if remove.Has(ClientUpdateProhibited) && onlyRemoves {
		has &^= ClientUpdateProhibited
	}
	return prohibited(has, Pending|ClientUpdateProhibited|ServerUpdateProhibited, element, value)
}

// changeStatuses adds and removes statuses that the object can have, settable, and the actor may set. What is added
// must not be there, what is removed must be.
func (x *Exec) changeStatuses(has, add, remove, settable Statuses, element string) (Statuses, *Failure) {
	allowed := settable & ClientStatuses
	if x.Actor.Role == RoleOperator {
		allowed |= settable & ServerStatuses
	}
	if wrong := (add | remove) &^ allowed; wrong != 0 {
		return has, Fail(ParameterPolicy, element, wrong.Names()[0], "this status can't be set or removed by %s", x.Actor.Name)
	}
	if lacks := remove &^ has; lacks != 0 {
		return has, Fail(ParameterPolicy, element, lacks.Names()[0], "the object does not have this status")
	}
	has &^= remove
	if twice := add & has; twice != 0 {
		return has, Fail(ParameterPolicy, element, twice.Names()[0], "the object has this status already")
	}
	return has | add, nil
}

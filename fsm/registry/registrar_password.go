package registry

// RegistrarPassword is a registrar's change of its own password at login (RFC
// 5730 §2.9.1.1, newPW). The hash is made before the log. Was is what the old password was
// verified against: where another is in force by now, two changes or an operator's reset have crossed, and
// this one is refused rather than undo the other.
type RegistrarPassword struct {
	ID  string `cbor:"1,keyasint"`
	Was string `cbor:"2,keyasint"` // argon2id hashes, in PHC string form
	New string `cbor:"3,keyasint"`
}

// registrarPassword fails with 2201, 2200, 2003.
func (x *Exec) registrarPassword(c RegistrarPassword) (Code, any, *Failure) {
	r, ok := x.Registrar(c.ID)
	if x.Actor.Role != RoleRegistrar || x.Actor.Name != c.ID || !ok {
		return 0, nil, Fail(AuthorizationError, "clID", c.ID, "a registrar changes its own password")
	}
	if c.New == "" {
		return 0, nil, Fail(RequiredParameter, "newPW", "", "a registrar has a password")
	}
	if r.Suspended || r.Locked(x.Now) || r.Password != c.Was {
		return 0, nil, Fail(AuthenticationError, "", "", "the password has been changed meanwhile, or the registrar may not log in any more")
	}
	before := r
	r.Password, r.Updated = c.New, x.Now
	x.recordEvent("registrar:password", r.ID, 0, &r.LastEvent, before, r)
	registrars.Put(x.tx, textKey(r.ID), r)
	return Success, nil, nil
}

// RegistrarLock closes a registrar's logins for a while, because of wrong
// passwords that came with a certificate of its own. Sessions that it has go on.
type RegistrarLock struct {
	ID string `cbor:"1,keyasint"`
}

// registrarLock fails with 2201, 2303, 2304. When it opens by itself is policy.
func (x *Exec) registrarLock(c RegistrarLock) (Code, any, *Failure) {
	if x.Actor.Role != RoleNode && x.Actor.Role != RoleOperator {
		return 0, nil, Fail(AuthorizationError, "", "", "only a node or an operator may do this")
	}
	r, ok := x.Registrar(c.ID)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "id", c.ID, "there is no such registrar")
	}
	if r.Locked(x.Now) {
		return 0, nil, Fail(ObjectStatusProhibits, "id", c.ID, "the registrar's logins are locked until %s", r.LockedUntil)
	}
	before := r
	r.LockedUntil = x.Now + x.Access().LockTime
	x.recordEvent("registrar:lock", r.ID, 0, &r.LastEvent, before, r)
	registrars.Put(x.tx, textKey(r.ID), r)
	return Success, nil, nil
}

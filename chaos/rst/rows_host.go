package rst

const (
	hostAccepts = "EPP_HOST_CREATE_SERVER_ACCEPTS_INVALID_"
	hostTakes   = "EPP_HOST_UPDATE_SERVER_ACCEPTS_INVALID_"
	external    = `name={"ns1." & RANDCHARS(18) & ".icann"}`
	internal    = `name={"ns1.sub." & RANDCHARS(18) & "." & $TLD}; createParentFirst=true`
)

var hostCreateRows = table(map[string]string{"createParentFirst": "false", "ip": cellEmpty, "addr": cellEmpty},
	pass(external),
	pass(`name={"a.b.c.d." & RANDCHARS(18) & ".icann"}`),
	pass(`name={RANDCHARS(63) & "." & RANDCHARS(63) & ".icann"}`),
	fail(hostAccepts+"HOSTNAME", `name={RANDCHARS(64) & "." & RANDCHARS(18) & ".icann"}`),
	fail(hostAccepts+"HOSTNAME", `name={"-ns." & RANDCHARS(18) & ".icann"}`),
	fail(hostAccepts+"HOSTNAME", `name={"ns-." & RANDCHARS(18) & ".icann"}`),
	fail(hostAccepts+"HOSTNAME", `name={"ns 1." & RANDCHARS(18) & ".icann"}`),
	fail(hostAccepts+"HOSTNAME", `name={"*." & RANDCHARS(18) & ".icann"}`),
	fail(hostAccepts+"HOSTNAME", `name={"!." & RANDCHARS(18) & "." & $TLD}; createParentFirst=true; ip=v4; addr=192.31.196.7`),
	fail(hostAccepts+"HOSTNAME", `name={RANDCHARS(18) & "..icann"}`),
	fail(hostAccepts+"HOSTNAME", `name={"." & RANDCHARS(18) & ".icann"}`),
	fail(hostAccepts+"HOSTNAME", `name=`),
	fail(hostAccepts+"HOSTNAME", `name={RANDCHARS(60) & "." & RANDCHARS(60) & "." & RANDCHARS(60) & "." & RANDCHARS(60) & "." & RANDCHARS(18) & ".icann"}`),
	fail(hostAccepts+"HOSTNAME", `name={"ns1." & RANDCHARS(18) & "." & $TLD}; ip=v4; addr=192.31.196.7`), // below a domain that isn't there
	pass(internal+"; ip=v4; addr=192.31.196.7"),
	pass(internal+"; ip=v6; addr=2001:4:112:cd::53"),
	pass(internal+"; ip=v6; addr=2001:4:112::192.31.196.7"),
	fail(hostAccepts+"IPV4_ADDRESS", internal+"; ip=v4"),
	fail(hostAccepts+"IPV4_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v4; addr=2001:4:112:cd::54"),
	fail(hostAccepts+"IPV4_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v4; addr=192.31.196"),
	fail(hostAccepts+"IPV4_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v4; addr=192.31.196.7.1"),
	fail(hostAccepts+"IPV4_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v4; addr=192.31.196.256"),
	fail(hostAccepts+"IPV4_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v4; addr=192.31.196.-1"),
	fail(hostAccepts+"IPV4_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v4; addr=a.b.c.d"),
	fail(hostAccepts+"IPV4_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v4; addr=127.0.0.1"),
	fail(hostAccepts+"IPV4_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v4; addr=0.0.0.0"),
	fail(wrongSuccess, "name={PREVIOUS}; createParentFirst=true; ip=v5; addr=192.31.196.7"),
	fail(wrongSuccess, "name={PREVIOUS}; createParentFirst=true; ip=V4; addr=192.31.196.7"),
	fail(hostAccepts+"IPv6_ADDRESS", internal+"; ip=v6"),
	fail(hostAccepts+"IPv6_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v6; addr=192.31.196.7"),
	fail(hostAccepts+"IPv6_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v6; addr=::"),
	fail(hostAccepts+"IPv6_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v6; addr=::1"),
	fail(hostAccepts+"IPv6_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v6; addr=2001::4::5"),
	fail(hostAccepts+"IPv6_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v6; addr=2001:4:112:cd:1:2:3"),
	fail(hostAccepts+"IPv6_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v6; addr=2001:4:112:cd::g"),
	fail(hostAccepts+"IPv6_ADDRESS", "name={PREVIOUS}; createParentFirst=true; ip=v6; addr=fe80::1%eth0"),
)

var hostStatusRows = statusRows(hostTakes+"STATUS_CODE", []string{"clientDeleteProhibited", "clientUpdateProhibited"}, []string{
	"clientHold", "clientRenewProhibited", "clientTransferProhibited", "linked", "ok", "pendingCreate", "pendingDelete", "pendingTransfer", "pendingUpdate",
	"serverDeleteProhibited", "serverUpdateProhibited", "inactive", "frobnicated", "{EMPTY}",
})

// Each row goes on from where the one before left the host, which has an address already.
var hostAddressRows = table(nil,
	pass("action=add; ip=v4; addr=192.31.196.8"),
	fail(wrongSuccess, "action=add; ip=v4; addr=192.31.196.8"),
	pass("action=add; ip=v6; addr=2001:4:112:cd::55"),
	fail(wrongSuccess, "action=add; ip=v6; addr=2001:4:112:CD:0::55"), // the same, written otherwise
	pass("action=rem; ip=v4; addr=192.31.196.8"),
	fail(wrongSuccess, "action=rem; ip=v4; addr=192.31.196.8"),
	pass("action=rem; ip=v6; addr=2001:4:112:cd::55"),
	fail(wrongSuccess, "action=rem; ip=v6; addr=2001:4:112:cd::55"),
	fail(hostTakes+"IPV4_ADDRESS", "action=add; ip=v4; addr={EMPTY}"),
	fail(hostTakes+"IPV4_ADDRESS", "action=add; ip=v4; addr=2001:4:112:cd::56"),
	fail(hostTakes+"IPV4_ADDRESS", "action=add; ip=v4; addr=192.31.196"),
	fail(hostTakes+"IPV4_ADDRESS", "action=add; ip=v4; addr=a.b.c.d"),
	fail(hostTakes+"IPV4_ADDRESS", "action=add; ip=v4; addr=256.1.1.1"),
	fail(hostTakes+"IPV4_ADDRESS", "action=add; ip=v4; addr=1.2.3.4.5"),
	fail(hostTakes+"IPV4_ADDRESS", "action=add; ip=v4; addr=127.0.0.1"),
	fail(wrongSuccess, "action=add; ip=v5; addr=192.31.196.9"),
	fail(hostTakes+"IPv6_ADDRESS", "action=add; ip=v6; addr={EMPTY}"),
	fail(hostTakes+"IPv6_ADDRESS", "action=add; ip=v6; addr=192.31.196.9"),
	fail(hostTakes+"IPv6_ADDRESS", "action=add; ip=v6; addr=::"),
	fail(hostTakes+"IPv6_ADDRESS", "action=add; ip=v6; addr=::1"),
	fail(hostTakes+"IPv6_ADDRESS", "action=add; ip=v6; addr=::X"),
	fail(hostTakes+"IPv6_ADDRESS", "action=add; ip=v6; addr=NOT::HEX::"),
)

var renameRows = table(nil,
	fail("EPP_HOST_RENAME_SERVER_ACCEPTS_INVALID_HOSTNAME", `name={"!." & RANDCHARS(18) & ".icann"}`),
	fail("EPP_HOST_RENAME_SERVER_ACCEPTS_INVALID_HOSTNAME", `name={"-ns1." & RANDCHARS(18) & ".icann"}`),
	fail("EPP_HOST_RENAME_SERVER_ACCEPTS_INVALID_HOSTNAME", `name={RANDCHARS(64) & "." & RANDCHARS(18) & ".icann"}`),
	fail("EPP_HOST_RENAME_SERVER_ACCEPTS_INVALID_HOSTNAME", `name={RANDCHARS(18) & "..icann"}`),
	pass(`name={"ns1." & RANDCHARS(18) & ".icann"}`),
	pass(`name={"ns2." & RANDCHARS(18) & ".icann"}`),
	fail("EPP_HOST_RENAME_SERVER_ACCEPTS_RENAME_TO_NONEXISTENT_DOMAIN", `name={"ns1." & RANDCHARS(18) & "." & $TLD}`),
)

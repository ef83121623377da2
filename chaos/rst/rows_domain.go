package rst

const (
	domainAccepts = "EPP_DOMAIN_CREATE_SERVER_ACCEPTS_"
	domainTakes   = "EPP_DOMAIN_UPDATE_SERVER_ACCEPTS_"

	// anEd448Key is the key of RFC 8080 §6.2's second example, in Base64.
	anEd448Key = "kkreGWoccSDmUBGAe7+zsbG6ZAFQp+syPmYUurBRQc3tDjeMCJcVMRDmgcNLp5HlHAMy12VoISsA"
	// aP256Key is that of RFC 6605 §6.1.
	aP256Key = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
)

// domainAuto is a domain as it should be.
var domainAuto = map[string]string{
	"name": `{$PREFIX & RANDCHARS(18) & "." & $TLD}`, "period": "1", "periodUnit": "y", "dataModel": "any", "registrant": cellAuto, "hostModel": "either",
	"ns1": "ns1.epp-14.rst.icann", "ns1ipv4": cellEmpty, "ns1ipv6": cellEmpty, "ns2": "ns2.epp-14.rst.icann", "ns2ipv4": cellEmpty, "ns2ipv6": cellEmpty,
	"secDNSInterface": "either", "keyTag": cellAuto, "dsDataAlg": "16", "digestType": "2", "digest": "{RANDHEX(32)}", "flags": "257", "protocol": "3",
	"keyDataAlg": "16", "pubKey": anEd448Key,
}

const (
	badName   = domainAccepts + "INVALID_DOMAIN_NAME"
	badPeriod = domainAccepts + "INVALID_PERIOD"
	noGlue    = domainAccepts + "HOST_ATTRIBUTES_WITHOUT_GLUE"
	badGlue   = domainAccepts + "HOST_ATTRIBUTES_WITH_INVALID_GLUE"
	badDNSSEC = domainAccepts + "INVALID_DNSSEC_DATA"
	inside1   = `hostModel=attributes; ns1={"ns1." & $name}`
)

var domainCreateRows = table(domainAuto,
	pass(""),
	pass("period=2"),
	pass("period=10"),
	pass(`name={RANDCHARS(63) & "." & $TLD}`),
	pass("dsDataAlg=13; keyDataAlg=13; pubKey="+aP256Key),
	pass("dsDataAlg=15; digestType=4; digest={RANDHEX(48)}; keyDataAlg=15; pubKey=l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="),
	fail(badName, `name={RANDCHARS(64) & "." & $TLD}`),
	fail(badName, `name={"-" & RANDCHARS(18) & "." & $TLD}`),
	fail(badName, `name={RANDCHARS(18) & "-." & $TLD}`),
	fail(badName, `name={RANDCHARS(8) & "_" & RANDCHARS(8) & "." & $TLD}`),
	fail(badName, `name={RANDCHARS(8) & " " & RANDCHARS(8) & "." & $TLD}`),
	fail(badName, `name={"!" & RANDCHARS(18) & "." & $TLD}`),
	fail(badName, `name={"xn--" & RANDASCII(58) & "." & $TLD}`),
	fail(badName, `name={"xn--." & $TLD}`),
	fail(badName, `name={"xn--a." & $TLD}`),
	fail(badName, `name={"qq--" & RANDASCII(18) & "." & $TLD}`),
	fail(badName, `name={RANDCHARS(18) & ".." & $TLD}`),
	fail(badName, `name={"." & $TLD}`),
	fail(badName, `name={$TLD}`),
	fail(badPeriod, "period=0"),
	fail(badPeriod, "period=11"),
	fail(badPeriod, "period=99"),
	fail(badPeriod, "period=100"),
	fail(badPeriod, "period=-2"),
	fail(badPeriod, "period=2.5"),
	fail(badPeriod, "period=one"),
	fail(badPeriod, "period={EMPTY}"),
	fail(badPeriod, "periodUnit=Y"),
	fail(badPeriod, "periodUnit=d"),
	fail(badPeriod, "periodUnit={EMPTY}"),
	fail(badPeriod, "period=132; periodUnit=m"),
	fail(domainAccepts+"NON_EXISTENT_REGISTRANT", "dataModel=maximum; registrant={RANDCHARS(16)}"),
	fail(domainAccepts+"MISSING_REGISTRANT", "dataModel=maximum; registrant={EMPTY}"),
	fail(domainAccepts+"NO_REGISTRANT_FOR_THICK_REGISTRY", "dataModel=maximum; registrant={NONE}"),
	fail(domainAccepts+"REGISTRANT_FOR_THIN_REGISTRY", "dataModel=minimum; registrant={RANDCHARS(16)}"),
	fail(domainAccepts+"NON_EXISTENT_HOST_OBJECT", `hostModel=objects; ns1={"ns1." & RANDCHARS(18) & ".icann"}`),
	fail(domainAccepts+"NON_EXISTENT_HOST_OBJECT", `hostModel=objects; ns1={"ns1." & $name}`),
	fail(domainAccepts+"INVALID_HOST_OBJECT", `hostModel=objects; ns1={"-ns1." & RANDCHARS(18) & ".icann"}`),
	fail(domainAccepts+"INVALID_HOST_OBJECT", `hostModel=objects; ns1={RANDCHARS(64) & ".icann"}`),
	fail(noGlue, inside1),
	pass(inside1+"; ns1ipv4=192.31.196.20"),
	pass(inside1+"; ns1ipv6=2001:4:112:cd::60"),
	pass(inside1+"; ns1ipv4=192.31.196.21; ns1ipv6=2001:4:112:cd::61"),
	fail(badGlue, inside1+"; ns1ipv4=2001:4:112:cd::62"),
	fail(badGlue, inside1+"; ns1ipv4=192.31.196"),
	fail(badGlue, inside1+"; ns1ipv4=192.31.196.256"),
	fail(badGlue, inside1+"; ns1ipv4=127.0.0.1"),
	fail(badGlue, inside1+"; ns1ipv6=192.31.196.22"),
	fail(badGlue, inside1+"; ns1ipv6=::"),
	fail(badGlue, inside1+"; ns1ipv6=::1"),
	fail(badGlue, inside1+"; ns1ipv6=2001::4::5"),
	fail(badDNSSEC, "secDNSInterface=dsData; keyTag={EMPTY}"),
	fail(badDNSSEC, "secDNSInterface=dsData; keyTag=-1"),
	fail(badDNSSEC, "secDNSInterface=dsData; keyTag=65536"),
	fail(badDNSSEC, "secDNSInterface=dsData; keyTag=tag"),
	fail(badDNSSEC, "secDNSInterface=dsData; dsDataAlg={EMPTY}"),
	fail(badDNSSEC, "secDNSInterface=dsData; dsDataAlg=-1"),
	fail(badDNSSEC, "secDNSInterface=dsData; dsDataAlg=B"),
	fail(badDNSSEC, "secDNSInterface=dsData; dsDataAlg=256"),
	fail(badDNSSEC, "secDNSInterface=dsData; dsDataAlg=122"),
	fail(badDNSSEC, "secDNSInterface=dsData; digestType={EMPTY}"),
	fail(badDNSSEC, "secDNSInterface=dsData; digestType=-1"),
	fail(badDNSSEC, "secDNSInterface=dsData; digestType=B"),
	fail(badDNSSEC, "secDNSInterface=dsData; digestType=254"),
	fail(badDNSSEC, "secDNSInterface=dsData; digestType=256"),
	fail(badDNSSEC, "secDNSInterface=dsData; digest={EMPTY}"),
	fail(badDNSSEC, "secDNSInterface=dsData; digest=not a digest"),
	fail(badDNSSEC, "secDNSInterface=dsData; digest=ABC"),
	fail(badDNSSEC, "secDNSInterface=keyData; flags={EMPTY}"),
	fail(badDNSSEC, "secDNSInterface=keyData; flags=0"),
	fail(badDNSSEC, "secDNSInterface=keyData; flags=256"),
	fail(badDNSSEC, "secDNSInterface=keyData; flags=65536"),
	fail(badDNSSEC, "secDNSInterface=keyData; flags=-257"),
	fail(badDNSSEC, "secDNSInterface=keyData; flags=B"),
	fail(badDNSSEC, "secDNSInterface=keyData; protocol={EMPTY}"),
	fail(badDNSSEC, "secDNSInterface=keyData; protocol=2"),
	fail(badDNSSEC, "secDNSInterface=keyData; protocol=-3"),
	fail(badDNSSEC, "secDNSInterface=keyData; protocol=B"),
	fail(badDNSSEC, "secDNSInterface=keyData; keyDataAlg={EMPTY}"),
	fail(badDNSSEC, "secDNSInterface=keyData; keyDataAlg=122"),
	fail(badDNSSEC, "secDNSInterface=keyData; keyDataAlg=-1"),
	fail(badDNSSEC, "secDNSInterface=keyData; keyDataAlg=B"),
	fail(badDNSSEC, "secDNSInterface=keyData; pubKey={EMPTY}"),
	fail(badDNSSEC, "secDNSInterface=keyData; pubKey=no key, this."),
)

var domainStatusRows = statusRows(domainTakes+"INVALID_STATUS_CODE",
	[]string{"clientDeleteProhibited", "clientHold", "clientRenewProhibited", "clientTransferProhibited", "clientUpdateProhibited"}, []string{
		"inactive", "ok", "linked", "pendingCreate", "pendingDelete", "pendingRenew", "pendingTransfer", "pendingUpdate",
		"serverDeleteProhibited", "serverHold", "serverRenewProhibited", "serverTransferProhibited", "serverUpdateProhibited", "frobnicated", "{EMPTY}",
	})

// Name servers: each row goes on from where the one before left the domain, which has two others. The host {NONE} is one that doesn't exist.
var domainHostRows = table(map[string]string{"hostModel": "either", "v4": cellEmpty, "v6": cellEmpty},
	pass("action=add; ns=ns3.epp-16.rst.icann"),
	fail(wrongSuccess, "action=add; ns=ns3.epp-16.rst.icann"),
	fail(wrongSuccess, "action=add; ns=NS3.EPP-16.RST.ICANN"),
	pass("action=add; ns=ns4.epp-16.rst.icann"),
	pass("action=rem; ns=ns3.epp-16.rst.icann"),
	fail(wrongSuccess, "action=rem; ns=ns3.epp-16.rst.icann"),
	pass("action=rem; ns=ns4.epp-16.rst.icann"),
	fail(domainTakes+"NON_EXISTENT_HOST_OBJECT", `hostModel=objects; action=add; ns={"ns1." & RANDCHARS(18) & ".icann"}`),
	fail(wrongSuccess, `hostModel=objects; action=rem; ns={"ns1." & RANDCHARS(18) & ".icann"}`),
	fail(wrongSuccess, "hostModel=objects; action=add; ns=-ns-.epp-16.rst.icann"),
	fail(domainTakes+"HOST_ATTRIBUTES_WITHOUT_GLUE", `hostModel=attributes; action=add; ns={"ns5." & $DOMAIN}`),
	pass(`hostModel=attributes; action=add; ns={"ns5." & $DOMAIN}; v4=192.31.196.30; v6=2001:4:112:cd::70`),
	pass(`hostModel=attributes; action=rem; ns={"ns5." & $DOMAIN}`),
	fail(domainTakes+"INVALID_HOST_ATTRIBUTES", "hostModel=attributes; action=add; ns=-ns-.epp-16.rst.icann"),
	fail(domainTakes+"INVALID_HOST_ATTRIBUTES", `hostModel=attributes; action=add; ns={"ns6." & $DOMAIN}; v4=256.1.1.1`),
	fail(domainTakes+"INVALID_HOST_ATTRIBUTES", `hostModel=attributes; action=add; ns={"ns6." & $DOMAIN}; v4=2001:4:112:cd::71`),
	fail(domainTakes+"INVALID_HOST_ATTRIBUTES", `hostModel=attributes; action=add; ns={"ns6." & $DOMAIN}; v6=192.31.196.31`),
	fail(domainTakes+"INVALID_HOST_ATTRIBUTES", `hostModel=attributes; action=add; ns={"ns6." & $DOMAIN}; v6=::1`),
)

const badUpdate = domainTakes + "INVALID_DNSSEC_DATA"

// DNSSEC data: each row goes on from where the one before left the domain, which has none at first.
var domainDNSSECRows = table(map[string]string{
	"secDNSInterface": "either", "action": "add", "keyTag": "12345", "dsDataAlg": "16", "digestType": "2",
	"digest": "2BB183AF5F22588179A53B0A98631FAD1A292118ABE2A51B8D3F5D6C5B1C8E2F", "flags": "257", "protocol": "3", "keyDataAlg": "16", "pubKey": anEd448Key,
},
	pass(""),
	fail(wrongSuccess, ""),
	pass("keyTag=12346; dsDataAlg=13; keyDataAlg=13; pubKey="+aP256Key),
	pass("action=rem"),
	fail(wrongSuccess, "action=rem"),
	pass("action=rem; keyTag=12346; dsDataAlg=13; keyDataAlg=13; pubKey="+aP256Key),
	fail(badUpdate, "secDNSInterface=dsData; keyTag={EMPTY}"),
	fail(badUpdate, "secDNSInterface=dsData; keyTag=65536"),
	fail(badUpdate, "secDNSInterface=dsData; dsDataAlg={EMPTY}"),
	fail(badUpdate, "secDNSInterface=dsData; dsDataAlg=-1"),
	fail(badUpdate, "secDNSInterface=dsData; dsDataAlg=A"),
	fail(badUpdate, "secDNSInterface=dsData; dsDataAlg=123"),
	fail(badUpdate, "secDNSInterface=dsData; digestType={EMPTY}"),
	fail(badUpdate, "secDNSInterface=dsData; digestType=-1"),
	fail(badUpdate, "secDNSInterface=dsData; digestType=A"),
	fail(badUpdate, "secDNSInterface=dsData; digestType=255"),
	fail(badUpdate, "secDNSInterface=dsData; digest={EMPTY}"),
	fail(badUpdate, "secDNSInterface=dsData; digest=no digest"),
	fail(badUpdate, "secDNSInterface=keyData; flags={EMPTY}"),
	fail(badUpdate, "secDNSInterface=keyData; flags=256"),
	fail(badUpdate, "secDNSInterface=keyData; flags=A"),
	fail(badUpdate, "secDNSInterface=keyData; protocol={EMPTY}"),
	fail(badUpdate, "secDNSInterface=keyData; protocol=1"),
	fail(badUpdate, "secDNSInterface=keyData; keyDataAlg={EMPTY}"),
	fail(badUpdate, "secDNSInterface=keyData; keyDataAlg=123"),
	fail(badUpdate, "secDNSInterface=keyData; pubKey={EMPTY}"),
	fail(badUpdate, "secDNSInterface=keyData; pubKey=this is no key"),
)

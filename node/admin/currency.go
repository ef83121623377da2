package admin

import "strings"

// The currencies of ISO 4217 that money is paid in, by how many decimals their
// minor unit has. Currencies of account without a minor unit (gold, XDR, tests) are left out.
const (
	decimals0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
	decimals2 = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK " +
		"DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL " +
		"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB " +
		"SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
	decimals3 = "BHD IQD JOD KWD LYD OMR TND"
)

var exponents = func() map[string]int {
	m := map[string]int{}
	for decimals, codes := range map[int]string{0: decimals0, 2: decimals2, 3: decimals3} {
		for code := range strings.FieldsSeq(codes) {
			m[code] = decimals
		}
	}
	return m
}()

// exponent is the number of decimals of a currency's minor unit. One that this table doesn't know can only come
// from a state that a newer binary wrote; two is what nearly all have.
func exponent(currency string) int {
	if e, ok := exponents[currency]; ok {
		return e
	}
	return 2
}

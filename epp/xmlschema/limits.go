package xmlschema

const (
	// maxValue bounds what a Failure repeats of a client's value, in characters.
	maxValue = 255
	// maxDigits bounds a number's digits, leading zeros included: no number of EPP has more.
	maxDigits = 10
)

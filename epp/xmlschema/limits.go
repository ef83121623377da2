package xmlschema

// maxValue bounds what a Failure repeats of a client's value, in characters.
const maxValue = 255

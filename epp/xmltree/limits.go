package xmltree

// Bounds on a document, whatever its size. EPP with all its extensions stays
// far below them: the deepest, a signed mark (RFC 7848), is at 16.
const (
	MaxDepth      = 32   // open elements
	MaxElements   = 4096 // in the whole document
	MaxAttributes = 64   // of one element, with its namespace declarations: clients declare every namespace that they know on <epp>
)

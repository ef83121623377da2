package xmlschema

import "quorate/epp/xmltree"

// Sequence reads the children of an element in the order that the schema wants.
type Sequence struct {
	x  *Schema
	of *xmltree.Element
	at int // of the next child
}

// Sequence begins to read the children of e, which holds no text.
func (x *Schema) Sequence(e *xmltree.Element) Sequence {
	if xmltree.Collapse(e.Text) != "" {
		x.Violate(e, "text where only elements may be")
	}
	return Sequence{x: x, of: e}
}

// next is the next child if it is called name, in its parent's namespace, with no attributes but attrs.
func (q *Sequence) next(name string, attrs []string) *xmltree.Element {
	if q.at == len(q.of.Children) {
		return nil
	}
	e := &q.of.Children[q.at]
	if !e.Is(q.of.Space, name) {
		return nil
	}
	q.at++
	q.x.Attributes(e, attrs)
	return e
}

// Optional is the next child if it is called name, else nil.
func (q *Sequence) Optional(name string, attrs ...string) *xmltree.Element {
	return q.next(name, attrs)
}

// Required is the next child, which must be called name; if it is not, an empty element.
func (q *Sequence) Required(name string, attrs ...string) *xmltree.Element {
	if e := q.next(name, attrs); e != nil {
		return e
	}
	q.Unexpected(name)
	return &xmltree.Element{Space: q.of.Space, Name: name}
}

// Repeated are the next children called name: at least min, and no more than max; no limit if that is nought.
func (q *Sequence) Repeated(name string, min, max int, attrs ...string) []xmltree.Element {
	from := q.at
	for q.next(name, attrs) != nil {
	}
	all := q.of.Children[from:q.at]
	if len(all) < min {
		q.Unexpected(name)
	}
	if max > 0 && len(all) > max {
		q.x.Violate(&all[max], "at most %d of these may be here", max)
		return all[:max]
	}
	return all
}

// Foreign is the next child, which must be of another namespace.
func (q *Sequence) Foreign() *xmltree.Element {
	if q.at < len(q.of.Children) {
		if e := &q.of.Children[q.at]; e.Space != q.of.Space {
			q.at++
			return e
		}
	}
	q.Unexpected("an element of another namespace")
	return &xmltree.Element{}
}

// End says that nothing else may come.
func (q *Sequence) End() {
	if q.at < len(q.of.Children) {
		q.x.Violate(&q.of.Children[q.at], "the element is unknown, or out of place")
	}
}

// Unexpected says that the next child is not the one that is wanted.
func (q *Sequence) Unexpected(wanted string) {
	if q.at < len(q.of.Children) {
		q.x.Violate(&q.of.Children[q.at], "%s should be here", wanted)
	} else {
		q.x.Violate(q.of, "%s is missing at the end", wanted)
	}
}

// Peek says whether the next child is called name.
func (q *Sequence) Peek(name string) bool {
	return q.at < len(q.of.Children) && q.of.Children[q.at].Is(q.of.Space, name)
}

// Skip passes over the next child, whatever it is.
func (q *Sequence) Skip() {
	if q.at < len(q.of.Children) {
		q.at++
	}
}

package client

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"quorate/epp/xmltree"
)

// Reply is a server's response (RFC 5730 §2.6).
type Reply struct {
	Code    int              `json:"code"`
	Msg     string           `json:"msg"`
	Details []Detail         `json:"details,omitempty"` // why, for errors
	ClTRID  string           `json:"clTRID,omitempty"`
	SvTRID  string           `json:"svTRID"`
	Queue   *Queue           `json:"msgQ,omitempty"`
	Data    *xmltree.Element `json:"-"` // the first element inside <resData>; nil if there is none

	Extensions []xmltree.Element `json:"-"` // the elements inside <extension>
	msgQ       *xmltree.Element
	all        []xmltree.Element // inside <resData>
}

// Detail is what a result says about an offending element.
type Detail struct {
	Element string `json:"element,omitempty"` // its local name
	Value   string `json:"value,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Error is a reply that reports an error.
type Error struct {
	Code    int      `json:"code"`
	Msg     string   `json:"msg"`
	Details []Detail `json:"details,omitempty"`
	SvTRID  string   `json:"svTRID"`
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "EPP %d: %s", e.Code, e.Msg)
	for _, d := range e.Details {
		if d.Value != "" {
			fmt.Fprintf(&b, "; %s %q", d.Element, d.Value)
		} else if d.Element != "" {
			fmt.Fprintf(&b, "; %s", d.Element)
		}
		if d.Reason != "" {
			fmt.Fprintf(&b, ": %s", d.Reason)
		}
	}
	return b.String()
}

// Err is the reply as an *Error, or nil for a success.
func (r *Reply) Err() error {
	if r.Code < 2000 {
		return nil
	}
	return &Error{Code: r.Code, Msg: r.Msg, Details: r.Details, SvTRID: r.SvTRID}
}

// Code finds the result code of a response without reading the rest, for
// callers that send by the thousand; 0 if there is none.
func Code(xml []byte) int {
	const attribute = ` code=`
	at := bytes.Index(xml, []byte("<result"))
	if at < 0 {
		return 0
	}
	i := bytes.Index(xml[at:], []byte(attribute))
	if i < 0 || len(xml) < at+i+len(attribute)+5 {
		return 0
	}
	code, err := strconv.ParseUint(string(xml[at+i+len(attribute)+1:][:4]), 10, 16)
	if err != nil {
		return 0
	}
	return int(code)
}

// ParseReply reads a response.
func ParseReply(xml []byte) (*Reply, error) {
	root, err := xmltree.Parse(xml)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	e := root.Child("response")
	if !root.Is(nsEPP, "epp") || e == nil {
		return nil, fmt.Errorf("%w: no response", ErrProtocol)
	}
	result := e.Child("result")
	if result == nil {
		return nil, fmt.Errorf("%w: no result", ErrProtocol)
	}
	code, _ := result.Attr("code")
	r := &Reply{Msg: childText(result, "msg")}
	if r.Code, err = strconv.Atoi(code); err != nil {
		return nil, fmt.Errorf("%w: result code %q", ErrProtocol, code)
	}
	for i := range result.Children {
		switch c := &result.Children[i]; c.Name {
		case "value":
			r.Details = append(r.Details, detail(c, ""))
		case "extValue":
			if v := c.Child("value"); v != nil {
				r.Details = append(r.Details, detail(v, childText(c, "reason")))
			}
		}
	}
	if id := e.Child("trID"); id != nil {
		r.ClTRID, r.SvTRID = childText(id, "clTRID"), childText(id, "svTRID")
	}
	if data := e.Child("resData"); data != nil && len(data.Children) > 0 {
		r.Data, r.all = &data.Children[0], data.Children
	}
	if ext := e.Child("extension"); ext != nil {
		r.Extensions = ext.Children
	}
	r.msgQ = e.Child("msgQ")
	r.Queue = readQueue(r.msgQ)
	return r, nil
}

func detail(value *xmltree.Element, reason string) Detail {
	d := Detail{Value: value.Token(), Reason: reason}
	if len(value.Children) > 0 {
		d.Element, d.Value = value.Children[0].Name, value.Children[0].Token()
	}
	return d
}

// data is the reply's data if it is an element called name of a namespace.
func (r *Reply) data(space, name string) (*xmltree.Element, error) {
	if r.Data == nil || !r.Data.Is(space, name) {
		return nil, fmt.Errorf("%w: no %s in the response", ErrProtocol, name)
	}
	return r.Data, nil
}

// extension is the element inside <extension> with this name; nil if there is none.
func (r *Reply) extension(space, name string) *xmltree.Element {
	for i := range r.Extensions {
		if e := &r.Extensions[i]; e.Is(space, name) {
			return e
		}
	}
	return nil
}

// when reads a time that may be absent: the zero time then.
func when(e *xmltree.Element, name string) (time.Time, error) {
	s := childText(e, name)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%w: %s %q", ErrProtocol, name, s)
	}
	return t, nil
}

// statuses are the s attributes of e's status elements.
func statuses(e *xmltree.Element) (all []string) {
	for i := range e.Children {
		if c := &e.Children[i]; c.Is(e.Space, "status") {
			s, _ := c.Attr("s")
			all = append(all, s)
		}
	}
	return all
}

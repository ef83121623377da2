package xmltree

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// decode returns doc in UTF-8 without a byte order mark, and the encoding that it was in (XML 1.0 §4.3.3: UTF-8,
// or UTF-16 with a byte order mark). UTF-16 without one, which RFC 2781 §4.3 knows as UTF-16BE and UTF-16LE, is
// recognised by how a declaration begins (XML 1.0 appendix F), and is unmarked.
func decode(doc []byte) (text []byte, encoding string, unmarked bool, err error) {
	begins := func(mark string) bool { return bytes.HasPrefix(doc, []byte(mark)) }
	switch {
	case begins("\xfe\xff"):
		text, err = fromUTF16(doc[2:], binary.BigEndian)
		return text, "UTF-16BE", false, err
	case begins("\xff\xfe"):
		text, err = fromUTF16(doc[2:], binary.LittleEndian)
		return text, "UTF-16LE", false, err
	case begins("\x00<\x00?"):
		text, err = fromUTF16(doc, binary.BigEndian)
		return text, "UTF-16BE", true, err
	case begins("<\x00?\x00"):
		text, err = fromUTF16(doc, binary.LittleEndian)
		return text, "UTF-16LE", true, err
	case begins("\xef\xbb\xbf"):
		doc = doc[3:]
	}
	return doc, "UTF-8", false, nil
}

func fromUTF16(doc []byte, order binary.ByteOrder) ([]byte, error) {
	if len(doc)%2 != 0 {
		return nil, refuse("half a UTF-16 character")
	}
	text := make([]byte, 0, len(doc))
	for i := 0; i < len(doc); i += 2 {
		c := rune(order.Uint16(doc[i:]))
		if utf16.IsSurrogate(c) {
			if i+4 > len(doc) {
				return nil, refuse("half a UTF-16 surrogate pair")
			}
			i += 2
			c = utf16.DecodeRune(c, rune(order.Uint16(doc[i:])))
			if c == utf8.RuneError {
				return nil, refuse("a wrong UTF-16 surrogate pair")
			}
		}
		text = utf8.AppendRune(text, c)
	}
	return text, nil
}

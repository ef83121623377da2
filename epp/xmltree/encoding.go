package xmltree

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// decode returns doc in UTF-8 without a byte order mark, and the encoding that
// it was in (XML 1.0 §4.3.3: UTF-8, or UTF-16 with a byte order mark).
func decode(doc []byte) (text []byte, encoding string, err error) {
	switch {
	case len(doc) >= 2 && doc[0] == 0xfe && doc[1] == 0xff:
		text, err = fromUTF16(doc[2:], binary.BigEndian)
		return text, "UTF-16", err
	case len(doc) >= 2 && doc[0] == 0xff && doc[1] == 0xfe:
		text, err = fromUTF16(doc[2:], binary.LittleEndian)
		return text, "UTF-16", err
	case len(doc) >= 3 && doc[0] == 0xef && doc[1] == 0xbb && doc[2] == 0xbf:
		doc = doc[3:]
	}
	return doc, "UTF-8", nil
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

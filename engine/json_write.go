package main

// OPA's values to JSON bytes: the results of an evaluation.

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// appendValue appends `value` as JSON. Sets are arrays in OPA's order, keys of objects are sorted,
// and a key that is no string is written as the string of its JSON, as OPA does.
func appendValue(out []byte, value ast.Value) ([]byte, error) {
	var err error
	switch value := value.(type) {
	case ast.Null:
		return append(out, "null"...), nil
	case ast.Boolean:
		if value {
			return append(out, "true"...), nil
		}
		return append(out, "false"...), nil
	case ast.Number:
		if !json.Valid([]byte(value)) {
			return nil, fmt.Errorf("result: found the number %.80q, expected one that JSON can write", string(value))
		}
		return append(out, value...), nil
	case ast.String:
		return appendString(out, string(value)), nil
	case *ast.Array:
		out = append(out, '[')
		for i := range value.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendValue(out, value.Elem(i).Value); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case ast.Set:
		out = append(out, '[')
		for i, member := range value.Slice() {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendValue(out, member.Value); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case ast.Object:
		return appendObject(out, value)
	}
	return nil, fmt.Errorf("result: found a %s, expected a value", ast.ValueName(value))
}

func appendObject(out []byte, object ast.Object) ([]byte, error) {
	type member struct {
		key   string
		value ast.Value
	}
	var few [16]member
	members, mixed := few[:0], false
	err := object.Iter(func(key, value *ast.Term) error {
		text, ok := key.Value.(ast.String)
		if !ok {
			mixed = true
			written, err := appendValue(nil, key.Value)
			if err != nil {
				return err
			}
			text = ast.String(written)
		}
		members = append(members, member{string(text), value.Value})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if mixed {
		slices.SortStableFunc(members, func(a, b member) int {
			if a.key < b.key {
				return -1
			}
			if a.key > b.key {
				return 1
			}
			return 0
		})
		for i := 1; i < len(members); i++ {
			if members[i-1].key == members[i].key {
				return nil, fmt.Errorf("result: found two keys that are both written %.80q, expected JSON keys to be unique", members[i].key)
			}
		}
	}
	out = append(out, '{')
	for i, member := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, member.key), ':')
		if out, err = appendValue(out, member.value); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

// appendString appends a JSON string. Invalid UTF-8 becomes U+FFFD.
func appendString(out []byte, text string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	clean := 0
	for at := 0; at < len(text); {
		char := text[at]
		if char >= utf8.RuneSelf {
			decoded, size := utf8.DecodeRuneInString(text[at:])
			if decoded == utf8.RuneError && size == 1 {
				out = append(append(out, text[clean:at]...), "\uFFFD"...)
				clean = at + size
			}
			at += size
			continue
		}
		if char < ' ' || char == '"' || char == '\\' {
			out = append(out, text[clean:at]...)
			switch char {
			case '"', '\\':
				out = append(out, '\\', char)
			case '\n':
				out = append(out, '\\', 'n')
			default:
				out = append(out, '\\', 'u', '0', '0', hex[char>>4], hex[char&15])
			}
			clean = at + 1
		}
		at++
	}
	return append(append(out, text[clean:]...), '"')
}

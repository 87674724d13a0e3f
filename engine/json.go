package main

// JSON bytes straight into OPA's values and back, without the Go maps in between.
//
// The reader accepts what OPA's own (encoding/json, then ast.InterfaceToValue) accepts and gives
// equal values, except that it refuses duplicate keys, where OPA silently takes the last, `null` after
// the document, which OPA overlooks, and documents deeper than maxDepth. json_test.go holds both
// against each other, with a fuzz test.

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/open-policy-agent/opa/v1/ast"
)

// maxDepth is the nesting a document may have. Kubernetes' own limit for objects is far below it.
const maxDepth = 1000

// readValue is the value of the JSON document `text`.
//
// Strings of the value share memory with `text`, which must not change any more; those of a long one have their own.
func readValue(text []byte) (ast.Value, error) {
	return readSharing(text, sharingFor(text))
}

func readSharing(text []byte, known *sharing) (ast.Value, error) {
	r := reader{text: text, sharing: known}
	r.skipSpace()
	value, err := r.value(0)
	if err != nil {
		return nil, err
	}
	r.skipSpace()
	if r.at < len(r.text) {
		return nil, r.problem("found %s after the document, expected nothing more", r.found())
	}
	return value, nil
}

// A syntaxError says what is wrong at which byte of a JSON text.
type syntaxError struct {
	offset  int
	message string
}

func (e *syntaxError) Error() string { return e.message }

type reader struct {
	text []byte
	at   int
	// Terms are handed out from blocks: one allocation for many.
	block []ast.Term
	// sharing is nil in short documents.
	sharing *sharing
}

func (r *reader) problem(format string, args ...any) error {
	return &syntaxError{offset: r.at, message: fmt.Sprintf(format, args...)}
}

func (r *reader) found() string {
	if r.at >= len(r.text) {
		return "the end"
	}
	char, _ := utf8.DecodeRune(r.text[r.at:])
	return fmt.Sprintf("%q", char)
}

func (r *reader) skipSpace() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

func (r *reader) term(value ast.Value) *ast.Term {
	if len(r.block) == 0 {
		// A byte of JSON seldom gives more than an eighth of a term.
		r.block = make([]ast.Term, min(256, (len(r.text)-r.at)/8+4))
	}
	term := &r.block[0]
	r.block = r.block[1:]
	term.Value = value
	return term
}

func (r *reader) value(depth int) (ast.Value, error) {
	if r.at >= len(r.text) {
		return nil, r.problem("found the end, expected a value")
	}
	switch char := r.text[r.at]; char {
	case '{':
		return r.object(depth + 1)
	case '[':
		return r.array(depth + 1)
	case '"':
		text, err := r.string()
		if err != nil {
			return nil, err
		}
		return ast.InternedValue(text), nil
	case 't':
		return ast.InternedBooleanTrueValue, r.word("true")
	case 'f':
		return ast.InternedBooleanFalseValue, r.word("false")
	case 'n':
		return ast.InternedNullValue, r.word("null")
	default:
		if char == '-' || '0' <= char && char <= '9' {
			return r.number()
		}
		return nil, r.problem("found %s, expected a value", r.found())
	}
}

func (r *reader) word(word string) error {
	for i := range len(word) {
		if r.at >= len(r.text) || r.text[r.at] != word[i] {
			return r.problem("found %s, expected the rest of %s", r.found(), word)
		}
		r.at++
	}
	return nil
}

func (r *reader) object(depth int) (ast.Value, error) {
	if depth > maxDepth {
		return nil, r.problem("found nesting deeper than %d, expected at most that", maxDepth)
	}
	r.at++
	r.skipSpace()
	if r.at < len(r.text) && r.text[r.at] == '}' {
		r.at++
		return ast.InternedEmptyObjectValue, nil
	}
	var few [16][2]*ast.Term
	pairs := few[:0]
	for {
		if r.at >= len(r.text) || r.text[r.at] != '"' {
			return nil, r.problem("found %s, expected a key in double quotes", r.found())
		}
		key, err := r.key()
		if err != nil {
			return nil, err
		}
		r.skipSpace()
		if r.at >= len(r.text) || r.text[r.at] != ':' {
			return nil, r.problem("found %s after a key, expected a colon", r.found())
		}
		r.at++
		r.skipSpace()
		value, err := r.element(depth)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, [2]*ast.Term{key, value})
		r.skipSpace()
		if r.at < len(r.text) && r.text[r.at] == ',' {
			r.at++
			r.skipSpace()
			continue
		}
		if r.at >= len(r.text) || r.text[r.at] != '}' {
			return nil, r.problem("found %s in an object, expected a comma or }", r.found())
		}
		if key, ok := twice(pairs); ok {
			return nil, r.problem("found key %.80q twice in one object, expected it once", key)
		}
		r.at++
		return ast.NewObject(pairs...), nil
	}
}

// twice is a key that stands twice, if there is one. ast.NewObject would keep both.
func twice(pairs [][2]*ast.Term) (string, bool) {
	if len(pairs) <= 16 {
		// Comparing all with all is faster than a map while they are few.
		for i := range pairs {
			for j := range i {
				if pairs[i][0].Value == pairs[j][0].Value {
					return string(pairs[i][0].Value.(ast.String)), true
				}
			}
		}
		return "", false
	}
	seen := make(map[ast.Value]struct{}, len(pairs))
	for _, pair := range pairs {
		if _, ok := seen[pair[0].Value]; ok {
			return string(pair[0].Value.(ast.String)), true
		}
		seen[pair[0].Value] = struct{}{}
	}
	return "", false
}

func (r *reader) array(depth int) (ast.Value, error) {
	if depth > maxDepth {
		return nil, r.problem("found nesting deeper than %d, expected at most that", maxDepth)
	}
	r.at++
	r.skipSpace()
	if r.at < len(r.text) && r.text[r.at] == ']' {
		r.at++
		return ast.InternedEmptyArrayValue, nil
	}
	var few [16]*ast.Term
	terms := few[:0]
	for {
		term, err := r.element(depth)
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
		r.skipSpace()
		if r.at < len(r.text) && r.text[r.at] == ',' {
			r.at++
			r.skipSpace()
			continue
		}
		if r.at >= len(r.text) || r.text[r.at] != ']' {
			return nil, r.problem("found %s in an array, expected a comma or ]", r.found())
		}
		r.at++
		// The array keeps the slice it is given.
		return ast.NewArray(slices.Clone(terms)...), nil
	}
}

func (r *reader) number() (ast.Value, error) {
	start := r.at
	if r.text[r.at] == '-' {
		r.at++
	}
	if r.at < len(r.text) && r.text[r.at] == '0' {
		r.at++
	} else if r.digits() == 0 {
		return nil, r.problem("found %s, expected a digit", r.found())
	}
	if r.at < len(r.text) && r.text[r.at] == '.' {
		r.at++
		if r.digits() == 0 {
			return nil, r.problem("found %s, expected a digit after the point", r.found())
		}
	}
	if r.at < len(r.text) && r.text[r.at]|0x20 == 'e' {
		r.at++
		if r.at < len(r.text) && (r.text[r.at] == '+' || r.text[r.at] == '-') {
			r.at++
		}
		if r.digits() == 0 {
			return nil, r.problem("found %s, expected a digit in the exponent", r.found())
		}
	}
	// OPA's own conversion: it interns small numbers and refuses exponents it cannot compute with.
	value, err := ast.InterfaceToValue(json.Number(r.own(r.text[start:r.at])))
	if err != nil {
		r.at = start
		return nil, r.problem("%s", err)
	}
	return value, nil
}

func (r *reader) digits() int {
	start := r.at
	for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
		r.at++
	}
	return r.at - start
}

// string reads a string, sharing the document's memory where nothing has to be replaced.
func (r *reader) string() (string, error) {
	start := r.at + 1
	ascii := true
	for at := start; at < len(r.text); at++ {
		switch char := r.text[at]; {
		case char == '"':
			if text := r.text[start:at]; ascii || utf8.Valid(text) {
				r.at = at + 1
				return r.own(text), nil
			}
			return r.rewritten(start)
		case char == '\\':
			return r.rewritten(start)
		case char < ' ':
			r.at = at
			return "", r.problem("found %s in a string, expected it as an escape", r.found())
		case char >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.at = len(r.text)
	return "", r.problem("found the end in a string, expected a double quote")
}

// rewritten reads a string with escapes or invalid UTF-8, which becomes U+FFFD as in encoding/json.
func (r *reader) rewritten(start int) (string, error) {
	var out []byte
	r.at = start
	for r.at < len(r.text) {
		switch char := r.text[r.at]; {
		case char == '"':
			r.at++
			return shared(out), nil
		case char == '\\':
			var err error
			if out, err = r.escape(out); err != nil {
				return "", err
			}
		case char < ' ':
			return "", r.problem("found %s in a string, expected it as an escape", r.found())
		default:
			char, size := utf8.DecodeRune(r.text[r.at:])
			out = utf8.AppendRune(out, char)
			r.at += size
		}
	}
	return "", r.problem("found the end in a string, expected a double quote")
}

func (r *reader) escape(out []byte) ([]byte, error) {
	if r.at+1 >= len(r.text) {
		r.at = len(r.text)
		return nil, r.problem("found the end in an escape, expected its letter")
	}
	switch char := r.text[r.at+1]; char {
	case '"', '\\', '/':
		out = append(out, char)
	case 'b':
		out = append(out, '\b')
	case 'f':
		out = append(out, '\f')
	case 'n':
		out = append(out, '\n')
	case 'r':
		out = append(out, '\r')
	case 't':
		out = append(out, '\t')
	case 'u':
		char := r.unicodeEscape()
		if char < 0 {
			return nil, r.problem("found an incomplete escape, expected \\u and four hexadecimal digits")
		}
		r.at += 6
		if utf16.IsSurrogate(char) {
			// A lone half becomes U+FFFD; what follows it is read on its own.
			whole := utf16.DecodeRune(char, r.unicodeEscape())
			if whole != utf8.RuneError {
				r.at += 6
			}
			char = whole
		}
		return utf8.AppendRune(out, char), nil
	default:
		return nil, r.problem("found an unknown escape, expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
	}
	r.at += 2
	return out, nil
}

// unicodeEscape is the code unit of the \uXXXX that starts here, or -1.
func (r *reader) unicodeEscape() rune {
	if len(r.text)-r.at < 6 || r.text[r.at] != '\\' || r.text[r.at+1] != 'u' {
		return -1
	}
	var unit rune
	for _, char := range r.text[r.at+2 : r.at+6] {
		switch {
		case '0' <= char && char <= '9':
			char -= '0'
		case 'a' <= char|0x20 && char|0x20 <= 'f':
			char = char | 0x20 - 'a' + 10
		default:
			return -1
		}
		unit = unit<<4 | rune(char)
	}
	return unit
}

// shared is the string of bytes that nobody will write to any more.
func shared(text []byte) string {
	return unsafe.String(unsafe.SliceData(text), len(text))
}

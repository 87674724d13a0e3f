package main

// What stands in one document again and again is one term: the keys of its thousands of findings, their
// severities, their empty lists. OPA never changes a term of the input, and shares its own in the same way.

import (
	"bytes"
	"hash/maphash"

	"github.com/open-policy-agent/opa/v1/ast"
)

const (
	// sharedFrom is how long a document must be for looking up to pay.
	sharedFrom = 64 << 10
	// sharedText is the longest text of a value that is looked up.
	sharedText = 256
	// sharedPlaces is how many values are remembered; a newer one takes the place of an older one.
	sharedPlaces = 2048
)

type sharedTerm struct {
	text []byte
	term *ast.Term
}

// sharing remembers values by the text they are written as; nil in short documents.
type sharing struct {
	seed   maphash.Seed
	places [sharedPlaces]sharedTerm
}

func sharingFor(text []byte) *sharing {
	if len(text) < sharedFrom {
		return nil
	}
	return newSharing()
}

func newSharing() *sharing { return &sharing{seed: maphash.MakeSeed()} }

// place is where a value that is written as `text` is remembered, and whether it is there.
func (s *sharing) place(text []byte) (*sharedTerm, bool) {
	place := &s.places[maphash.Bytes(s.seed, text)%sharedPlaces]
	return place, place.term != nil && bytes.Equal(place.text, text)
}

// element is the term of a value in an object or array.
func (r *reader) element(depth int) (*ast.Term, error) {
	start := r.at
	// Not where what is taken could lie too deep.
	if depth < maxDepth-sharedText {
		if term := r.known(); term != nil {
			return term, nil
		}
	}
	value, err := r.value(depth)
	if err != nil {
		return nil, err
	}
	return r.sharedTerm(start, value), nil
}

// known is the term of what stands here, where the same was read before: it is not built again to be thrown away.
func (r *reader) known() *ast.Term {
	if r.sharing == nil || r.at >= len(r.text) {
		return nil
	}
	end := 0
	switch r.text[r.at] {
	case '[', '{':
		end = enclosed(r.text, r.at)
	case '"':
		end = quoted(r.text, r.at)
	}
	if end == 0 {
		return nil
	}
	place, isKnown := r.sharing.place(r.text[r.at:end])
	if !isKnown {
		return nil
	}
	r.at = end
	return place.term
}

// quoted is where the string that starts at `start` ends, 0 where that is not near. As `enclosed` it judges nothing.
func quoted(text []byte, start int) int {
	for at := start + 1; at < min(start+sharedText, len(text)); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return 0
}

// enclosed is where the brackets that open at `start` close, 0 where that is not near. It judges nothing:
// only a text equal to one that was read is taken.
func enclosed(text []byte, start int) int {
	depth, isString := 0, false
	for at := start; at < min(start+sharedText, len(text)); at++ {
		switch char := text[at]; {
		case isString && char == '\\':
			at++
		case char == '"':
			isString = !isString
		case isString:
		case char == '[' || char == '{':
			depth++
		case char == ']' || char == '}':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
	return 0
}

// own is the string of a part of the document: of a long one a copy, so that the document is not kept for it.
func (r *reader) own(text []byte) string {
	if r.sharing != nil {
		return string(text)
	}
	return shared(text)
}

// key is the term of a key.
func (r *reader) key() (*ast.Term, error) {
	if r.at < len(r.text) && r.text[r.at] == '"' {
		if term := r.known(); term != nil {
			return term, nil
		}
	}
	start := r.at
	text, err := r.string()
	if err != nil {
		return nil, err
	}
	if r.sharing == nil {
		if term, ok := knownKeys[text]; ok {
			return term, nil
		}
	}
	return r.sharedTerm(start, ast.InternedValue(text)), nil
}

// sharedTerm is the term of the value that was read from `start` on, the same for the same text.
func (r *reader) sharedTerm(start int, value ast.Value) *ast.Term {
	if r.sharing == nil || r.at-start > sharedText {
		return r.term(value)
	}
	text := r.text[start:r.at]
	place, isKnown := r.sharing.place(text)
	if !isKnown {
		*place = sharedTerm{text, r.term(value)}
	}
	return place.term
}

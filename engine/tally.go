package main

// A JSON document of any size, read once from a stream: everything but the elements of named arrays is
// kept, of those only what was asked for, and equal ones once with their number. Memory is bounded by
// what is kept and the largest single string.
//
// As strict as gate's reader of reports: UTF-8, no duplicate keys, no lone surrogates, no numbers out of
// range, a bounded depth, nothing after the document.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
)

const (
	tallyDepth     = 100
	tallyKeptBytes = 64 << 20
	tallyString    = 64 << 20
	tallyChunk     = 256 << 10
)

// A keep says what of an array's element is kept: the value below `At` (`*` is each element of an array),
// where it is a text only if it begins with `Prefix`, or `As` in its place.
type keep struct {
	At     []string        `json:"at"`
	Prefix string          `json:"prefix"`
	As     json.RawMessage `json:"as"`
}

// A tallied array: its path from the top, and what of its elements is kept.
type tallied struct {
	Path []string `json:"path"`
	Keep []keep   `json:"keep"`
}

// A shape is a keep list as a tree. Without children and marks it keeps all.
type shape struct {
	children map[string]*shape
	each     *shape
	// isEnvelope keeps the members that have no shape of their own; others leave them out.
	isEnvelope bool
	element    *shape
	// isCut marks an array whose elements are not kept, but for the first: they are told by their places.
	isCut  bool
	prefix string
	as     []byte
}

func shapeOf(arrays []tallied) *shape {
	root := &shape{isEnvelope: true}
	for _, array := range arrays {
		at := root
		for _, name := range array.Path {
			at = at.below(name, true)
		}
		at.element = &shape{}
		for _, one := range array.Keep {
			leaf := at.element
			for _, name := range one.At {
				leaf = leaf.below(name, false)
			}
			leaf.prefix, leaf.as = one.Prefix, one.As
		}
	}
	return root
}

func (s *shape) below(name string, isEnvelope bool) *shape {
	if name == "*" {
		if s.each == nil {
			s.each = &shape{isEnvelope: isEnvelope}
		}
		return s.each
	}
	if s.children == nil {
		s.children = map[string]*shape{}
	}
	if s.children[name] == nil {
		s.children[name] = &shape{isEnvelope: isEnvelope}
	}
	return s.children[name]
}

// A tally is what was counted in one array: how often each of the elements that are left stood there.
type tally struct {
	Path   []any   `json:"path"`
	Counts []int64 `json:"counts"`
}

type tallyAnswer struct {
	Document json.RawMessage `json:"document"`
	Arrays   []tally         `json:"arrays"`
	Bytes    int64           `json:"bytes"`
}

type tallier struct {
	in     io.Reader
	buffer []byte
	at     int
	ended  bool
	// consumed and lines are what lies before the buffer, column how much of them is on its first line.
	consumed, lines, column int64

	seed   maphash.Seed
	out    []byte
	kept   int
	arrays []tally
	cut    cutter
	// path leads to the value that is read, as far as arrays may be below it.
	path []any
}

type tallyError struct {
	code, message string
}

func (e *tallyError) Error() string { return e.message }

// tallyStream reads the document of `in`.
func tallyStream(in io.Reader, arrays []tallied) (answer tallyAnswer, line, column int64, err error) {
	t := &tallier{in: in, seed: maphash.MakeSeed(), arrays: []tally{}}
	if line, column, err = t.document(shapeOf(arrays)); err == nil {
		answer = tallyAnswer{t.out, t.arrays, t.consumed + int64(len(t.buffer))}
	}
	return
}

func (t *tallier) refuse(code, format string, args ...any) error {
	return &tallyError{code, fmt.Sprintf(format, args...)}
}

func (t *tallier) early() error { return t.refuse("report_truncated", "the document ends too early") }

func (t *tallier) write(text ...byte) error {
	t.out = append(t.out, text...)
	if len(t.out)+t.kept > tallyKeptBytes {
		return t.refuse("report_too_large", "more than %d MiB must be kept to count the rest", tallyKeptBytes>>20)
	}
	return nil
}

// value reads one value and writes what `s` keeps of it; a nil shape keeps nothing.
func (t *tallier) value(s *shape, depth int) error {
	char, ok := t.next()
	switch {
	case !ok:
		return t.early()
	case char == '{':
		return t.object(s, depth+1)
	case char == '[':
		return t.array(s, depth+1)
	case char == '"':
		text, err := t.string()
		if err != nil || s == nil {
			return err
		}
		if s.as != nil {
			return t.write(s.as...)
		}
		return t.write(text...)
	default:
		return t.scalar(s)
	}
}

func (t *tallier) object(s *shape, depth int) error {
	if depth > tallyDepth {
		return t.refuse("report_too_deep", "nested too deep, expected at most %d levels", tallyDepth)
	}
	t.at++
	if s != nil {
		if err := t.write('{'); err != nil {
			return err
		}
	}
	var few [24]uint64
	keys := few[:0]
	var many map[uint64]struct{}
	isFirst := true
	for number := 0; ; number++ {
		char, ok := t.next()
		if !ok {
			return t.early()
		}
		if char == '}' && number == 0 {
			break
		}
		if char != '"' {
			return t.refuse("report_not_json", "found %q, expected a key in double quotes", char)
		}
		raw, err := t.string()
		if err != nil {
			return err
		}
		name, err := plainKey(raw)
		if err != nil {
			return t.refuse("report_not_json", "a key that cannot be read")
		}
		hash := maphash.Bytes(t.seed, name)
		if many == nil {
			for _, known := range keys {
				if known == hash {
					return t.refuse("report_not_json", "the key %.60q stands there twice", name)
				}
			}
			if keys = append(keys, hash); len(keys) == cap(few[:]) {
				many = make(map[uint64]struct{}, 64)
				for _, known := range keys {
					many[known] = struct{}{}
				}
			}
		} else if _, is := many[hash]; is {
			return t.refuse("report_not_json", "the key %.60q stands there twice", name)
		} else {
			many[hash] = struct{}{}
		}
		member := t.member(s, name)
		isOnTheWay := member != nil && member != all
		if isOnTheWay {
			t.path = append(t.path, string(name))
		}
		before := len(t.out)
		if member != nil {
			if !isFirst {
				t.out = append(t.out, ',')
			}
			t.out = append(append(t.out, raw...), ':')
		}
		if char, ok = t.next(); !ok {
			return t.early()
		}
		if char != ':' {
			return t.refuse("report_not_json", "found %q, expected a colon", char)
		}
		t.at++
		start := len(t.out)
		if err := t.value(member, depth); err != nil {
			return err
		}
		if isOnTheWay {
			t.path = t.path[:len(t.path)-1]
		}
		if member != nil {
			if member.prefix != "" && !bytes.HasPrefix(t.out[start:], []byte(`"`+member.prefix)) {
				t.out = t.out[:before]
			} else {
				isFirst = false
			}
		}
		if char, ok = t.next(); !ok {
			return t.early()
		}
		if char == '}' {
			break
		}
		if char != ',' {
			return t.refuse("report_not_json", "found %q, expected a comma or the end of the object", char)
		}
		t.at++
		if char, ok = t.next(); ok && char == '}' {
			return t.refuse("report_not_json", "found a comma before the end of the object")
		}
	}
	t.at++
	if s != nil {
		return t.write('}')
	}
	return nil
}

// all keeps a value as it is.
var all = &shape{isEnvelope: true}

// member is what is kept of the member `name`.
func (t *tallier) member(s *shape, name []byte) *shape {
	if s == nil {
		return nil
	}
	if child := s.children[string(name)]; child != nil {
		return child
	}
	// Where a leaf was asked for, whatever is there is kept whole: a wrong shape must show.
	if s.isEnvelope || (s.children == nil && s.element == nil) {
		return all
	}
	return nil
}

func (t *tallier) array(s *shape, depth int) error {
	if depth > tallyDepth {
		return t.refuse("report_too_deep", "nested too deep, expected at most %d levels", tallyDepth)
	}
	t.at++
	if s != nil {
		if err := t.write('['); err != nil {
			return err
		}
	}
	element := (*shape)(nil)
	var seen map[string]int
	index := 0
	isCut := s != nil && s.isCut
	if isCut {
		element = all
		t.cut.open(t)
	} else if s != nil {
		element = s.each
		if s.element != nil {
			element, seen, index = s.element, map[string]int{}, len(t.arrays)
			t.arrays = append(t.arrays, tally{slices.Clone(t.path), []int64{}})
		} else if element == nil && (s.isEnvelope || s.children == nil) {
			element = all
		}
	}
	for number := 0; ; number++ {
		char, ok := t.next()
		if !ok {
			return t.early()
		}
		if char == ']' && number == 0 {
			break
		}
		before := len(t.out)
		if isCut {
			if number > 0 {
				element = nil
			}
			t.cut.begin(t)
		} else if s != nil && before > 0 && t.out[before-1] != '[' {
			t.out = append(t.out, ',')
		}
		start := len(t.out)
		t.path = append(t.path, number)
		if err := t.value(element, depth); err != nil {
			return err
		}
		t.path = t.path[:len(t.path)-1]
		if isCut {
			t.cut.end(t)
		}
		if seen != nil {
			if place, is := seen[string(t.out[start:])]; is {
				t.arrays[index].Counts[place]++
				t.out = t.out[:before]
			} else {
				seen[string(t.out[start:])] = len(t.arrays[index].Counts)
				t.arrays[index].Counts = append(t.arrays[index].Counts, 1)
				t.kept += len(t.out) - start
			}
		}
		if char, ok = t.next(); !ok {
			return t.early()
		}
		if char == ']' {
			break
		}
		if char != ',' {
			return t.refuse("report_not_json", "found %q, expected a comma or the end of the array", char)
		}
		t.at++
		if char, ok = t.next(); ok && char == ']' {
			return t.refuse("report_not_json", "found a comma before the end of the array")
		}
	}
	t.at++
	if isCut {
		t.cut.close()
	}
	if s != nil {
		return t.write(']')
	}
	return nil
}

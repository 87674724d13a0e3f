package main

// Many files of manifests at once, on all cores.

import (
	"bytes"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// manifestsMany answers for each file of the body with its documents, or with why it is refused. The
// body is `count` files, each with its length (uint32, big-endian) before it.
func (s *server) manifestsMany(r request) ([]byte, error) {
	header := struct {
		Limits   manifestLimits   `json:"limits"`
		Count    int              `json:"count"`
		Pointers [][]askedPointer `json:"pointers"`
	}{Limits: defaultManifestLimits}
	if err := decodeHeader(r.header, &header); err != nil {
		return nil, err
	}
	files, err := parts(r.body, header.Count)
	if err != nil {
		return nil, err
	}
	if header.Pointers != nil && len(header.Pointers) != header.Count {
		return nil, fail(badRequest, fmt.Sprintf("header: found pointers for %d files, expected %d", len(header.Pointers), header.Count))
	}
	answers := make([][]byte, len(files))
	onAllCores(len(files), func(i int) {
		answer, err := s.guarded(func() ([]byte, error) {
			if header.Pointers != nil {
				return placesAnswer(files[i], header.Pointers[i], header.Limits)
			}
			return fileAnswer(files[i], header.Limits)
		})
		if err != nil {
			answer = encoded(struct {
				Error *failure `json:"error"`
			}{failureOf(err)})
		}
		answers[i] = answer
	})
	return joined(`{"files":[`, answers, "]}"), nil
}

// fileAnswer is `{"documents":[…]}` for one file: besides the value of each document its apiVersion
// and kind, where it is one object by itself and no list of others.
func fileAnswer(body []byte, limits manifestLimits) ([]byte, error) {
	documents, err := readManifests(body, limits)
	if err != nil {
		return nil, err
	}
	size := 64
	for _, d := range documents {
		size += len(d.value) + 96
	}
	out := append(make([]byte, 0, size), `{"documents":[`...)
	separator := ""
	for _, d := range documents {
		if string(d.value) == "null" {
			continue
		}
		out = append(out, separator...)
		separator = ","
		out = append(out, `{"index":`+itoa(d.index)+`,"line":`+itoa(d.contentLine())...)
		if apiVersion, kind, ok := single(d.value); ok {
			out = append(appendString(append(out, `,"api_version":`...), apiVersion), `,"kind":`...)
			out = appendString(out, kind)
		}
		out = append(append(append(out, `,"value":`...), d.value...), '}')
	}
	return append(out, "]}"...), nil
}

// placesAnswer is `{"positions":[…]}`: where each pointer leads in one file, or its nearest ancestor
// that is there: what points at an absent field means the place where it would be.
func placesAnswer(body []byte, asked []askedPointer, limits manifestLimits) ([]byte, error) {
	documents, err := outlinedDocuments(body, limits)
	if err != nil {
		return nil, err
	}
	// Of thousands of documents a few are asked about.
	isWanted := make(map[int]bool, len(asked))
	for _, one := range asked {
		isWanted[one.Document] = true
	}
	var wanted []*document
	for i, d := range documents {
		if isWanted[i] {
			wanted = append(wanted, d)
		}
	}
	if err := readAll(wanted, limits); err != nil {
		return nil, err
	}
	answer := struct {
		Positions []*nodePosition `json:"positions"`
	}{make([]*nodePosition, len(asked))}
	for i, one := range asked {
		if one.Document < 0 || one.Document >= len(documents) {
			continue
		}
		for pointer := one.Pointer; answer.Positions[i] == nil; {
			if answer.Positions[i], err = documents[one.Document].position(pointer, limits); err != nil {
				return nil, err
			}
			if pointer == "" {
				break
			}
			pointer = pointer[:max(0, strings.LastIndexByte(pointer, '/'))]
		}
	}
	return encoded(answer), nil
}

// single is the apiVersion and kind of a JSON text, false where it is no object with both, or one with
// `items`: those are looked into one by one.
func single(text []byte) (apiVersion, kind string, ok bool) {
	r := reader{text: text}
	if len(text) == 0 || text[0] != '{' {
		return "", "", false
	}
	for r.at = 1; r.at < len(r.text) && r.text[r.at] != '}'; {
		name, err := r.string()
		if err != nil || name == "items" {
			return "", "", false
		}
		r.at++ // the colon
		switch {
		case (name == "apiVersion" || name == "kind") && r.at < len(r.text) && r.text[r.at] == '"':
			value, err := r.string()
			if err != nil {
				return "", "", false
			}
			if name == "kind" {
				kind = value
			} else {
				apiVersion = value
			}
		default:
			r.skipCompact()
		}
		if r.at < len(r.text) && r.text[r.at] == ',' {
			r.at++
		}
	}
	return apiVersion, kind, apiVersion != "" && kind != "" && !strings.HasSuffix(kind, "List")
}

// depthOf is how deep the collections of a JSON text nest.
func depthOf(text []byte) int {
	depth, deepest := 0, 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '"':
			for at++; at < len(text) && text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}

// withoutNegativeZero is a compact JSON text with 0 for -0: the API server reads that as an integer.
func withoutNegativeZero(text []byte) []byte {
	if !bytes.Contains(text, []byte("-0")) {
		return text
	}
	out := make([]byte, 0, len(text))
	r := reader{text: text}
	for r.at < len(text) {
		start := r.at
		if text[start] == '"' {
			r.skipText()
			out = append(out, text[start:r.at]...)
			continue
		}
		r.at++
		if text[start] == '-' && r.at < len(text) && text[r.at] == '0' && (r.at+1 == len(text) || strings.IndexByte(",]}", text[r.at+1]) >= 0) {
			continue
		}
		out = append(out, text[start])
	}
	return out
}

// surrogate matches escapes of JSON: pairs that are one character, and any other.
var surrogate = regexp.MustCompile(`\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)

// loneSurrogate is the offset of half a character in a JSON text, -1 without one. Go's decoder, and so
// the API server, puts U+FFFD in its place: two names that differ would be one.
func loneSurrogate(text string) int {
	const escape = len(`\ud800`)
	for _, at := range surrogate.FindAllStringIndex(text, -1) {
		if at[1]-at[0] == escape {
			return at[0]
		}
	}
	return -1
}

// skipText moves over a text, from its first quote to behind its last.
func (r *reader) skipText() {
	for r.at++; r.at < len(r.text) && r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] == '\\' {
			r.at++
		}
	}
	r.at = min(r.at+1, len(r.text))
}

// skipCompact moves over a value of JSON that has been written by an encoder.
func (r *reader) skipCompact() {
	depth := 0
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case '"':
			r.skipText()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return
			}
			depth--
		case ',':
			if depth == 0 {
				return
			}
		}
		r.at++
	}
}

// onAllCores calls `each` with every number below `count`, on as many goroutines as there are cores.
func onAllCores(count int, each func(int)) {
	if count == 1 {
		each(0)
		return
	}
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), count) {
		working.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				each(i)
			}
		})
	}
	working.Wait()
}

// joined is one JSON text of many, which it empties on the way: they need not be held twice.
func joined(before string, texts [][]byte, after string) []byte {
	size := len(before) + len(after) + len(texts)
	for _, text := range texts {
		size += len(text)
	}
	out := append(make([]byte, 0, size), before...)
	for i, text := range texts {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, text...)
		texts[i] = nil
	}
	return append(out, after...)
}

package main

// A stream of manifests to its documents, as the cluster cuts it.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cut divides a stream into documents. A stream that starts with `{` is read as JSON values one
// after the other, until that fails for the first or second of them: then the rest is YAML.
func cut(text string, limits manifestLimits) ([]*document, error) {
	var documents []*document
	const peeked = 4096 // what kubectl looks at
	if strings.HasPrefix(strings.TrimLeftFunc(text[:min(len(text), peeked)], unicode.IsSpace), "{") {
		// All of the stream is looked over before a decoder sees it; each document is counted by itself.
		all := limits
		all.Nodes = math.MaxInt
		if _, err := outlined(text, all, 0); err != nil {
			whole := &document{text: text, line: 1, column: 1}
			return nil, whole.refusalAt(err)
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		end, at := 0, textPlace{line: 1, column: 1}
		for {
			var raw json.RawMessage
			err := decoder.Decode(&raw)
			if err == io.EOF {
				return documents, nil
			}
			if err != nil && len(documents) > 1 {
				broken := &document{index: len(documents), text: text, line: 1, column: 1}
				offset := len(text) // an unexpected end
				if at := (*json.SyntaxError)(nil); errors.As(err, &at) {
					offset = int(at.Offset) - 1
				}
				return nil, broken.refusalAt(&syntaxError{offset, "found " + err.Error() + ", expected another JSON document"})
			}
			if err != nil {
				break
			}
			end = int(decoder.InputOffset())
			at = at.forward(text, end-len(raw))
			documents = append(documents, &document{index: len(documents), text: text[at.offset:end], line: at.line, column: at.column, isJSON: true})
			if err := tooMany(documents, limits); err != nil {
				return nil, err
			}
		}
		// Up to and including the first line break, white space is not part of what follows.
		rest := text[end:]
		for rest != "" {
			char, size := utf8.DecodeRuneInString(rest)
			if !unicode.IsSpace(char) {
				break
			}
			rest = rest[size:]
			if char == '\n' {
				break
			}
		}
		line, _ := position(text, len(text)-len(rest))
		return cutYAML(rest, line, documents, limits)
	}
	return cutYAML(text, 1, documents, limits)
}

// cutYAML cuts at lines that start with `---`; after it only a comment may follow. The cluster cuts
// before it parses: also in the middle of a block scalar.
func cutYAML(text string, line int, documents []*document, limits manifestLimits) ([]*document, error) {
	var lines strings.Builder
	// The lines of a document stand together in the text, and are taken from there where they end in "\n" alone.
	start, size, first := 0, 0, line
	isWhole := true
	finish := func() error {
		if size == 0 {
			return nil
		}
		own := lines.String()
		if isWhole {
			own = text[start : start+size]
		}
		documents = append(documents, &document{index: len(documents), text: own, line: first, column: 1})
		lines.Reset()
		size, isWhole = 0, true
		return tooMany(documents, limits)
	}
	for at := 0; at < len(text); line++ {
		begins := at
		each, _, ended := strings.Cut(text[at:], "\n")
		at += len(each) + 1
		isPlain := ended
		if ended && strings.HasSuffix(each, "\r") {
			each, isPlain = each[:len(each)-1], false
		}
		if after, ok := strings.CutPrefix(each, "---"); ok {
			starting := size == 0
			if err := finish(); err != nil {
				return nil, err
			}
			if after = strings.TrimSpace(after); after != "" && after[0] != '#' {
				broken := &document{index: len(documents), text: each, line: line, column: 1}
				return nil, broken.refusalAt(&syntaxError{strings.LastIndex(each, after), fmt.Sprintf("found %.80q after a document separator, expected nothing or a comment", after)})
			}
			if !starting {
				continue
			}
			// A separator with nothing before it stays, as the start of its document.
		}
		if size == 0 {
			first, start = line, begins
		}
		if isWhole && !isPlain {
			lines.WriteString(text[start:begins])
			isWhole = false
		}
		if !isWhole {
			lines.WriteString(each)
			lines.WriteByte('\n')
		}
		size += len(each) + 1
	}
	return documents, finish()
}

// tooMany is why there are too many documents: found as they are cut, for each takes memory.
func tooMany(documents []*document, limits manifestLimits) error {
	if len(documents) <= limits.Documents {
		return nil
	}
	last := documents[limits.Documents]
	return last.refusal(0, 0, fmt.Sprintf("found more than %d documents, expected at most that", limits.Documents))
}

package main

// The tokens of a JSON stream, as strict as gate's reader of reports, for tally.go.

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// fill reads more, keeping what lies from `at` on; false at the end.
func (t *tallier) fill() bool {
	if t.ended {
		return false
	}
	rest := len(t.buffer) - t.at
	t.cut.feed(t)
	if start := bytes.LastIndexByte(t.buffer[:t.at], '\n'); start >= 0 {
		t.column = int64(t.at - start - 1)
	} else {
		t.column += int64(t.at)
	}
	t.consumed += int64(t.at)
	t.lines += int64(bytes.Count(t.buffer[:t.at], []byte("\n")))
	if cap(t.buffer) < rest+tallyChunk {
		grown := make([]byte, rest, max(2*cap(t.buffer), rest+tallyChunk))
		copy(grown, t.buffer[t.at:])
		t.buffer = grown
	} else {
		copy(t.buffer[:rest], t.buffer[t.at:])
	}
	t.at = 0
	n, err := io.ReadAtLeast(t.in, t.buffer[rest:cap(t.buffer)], 1)
	t.buffer = t.buffer[:rest+n]
	if err != nil {
		t.ended = true
	}
	return n > 0
}

// next is the next character that is no white space; it stays where it is.
func (t *tallier) next() (byte, bool) {
	for {
		for t.at < len(t.buffer) {
			switch char := t.buffer[t.at]; char {
			case ' ', '\t', '\n', '\r':
				t.at++
			default:
				return char, true
			}
		}
		if !t.fill() {
			return 0, false
		}
	}
}

// string reads a text and gives it as it stands, in its quotes; it is good until more is read.
func (t *tallier) string() ([]byte, error) {
	end := t.at + 1
	isPlain := true
	for {
		for end < len(t.buffer) && t.buffer[end] != '"' && t.buffer[end] != '\\' && t.buffer[end] >= 0x20 {
			end++
		}
		if end < len(t.buffer) && t.buffer[end] == '"' {
			break
		}
		if end < len(t.buffer) && t.buffer[end] < 0x20 {
			t.at = end
			return nil, t.refuse("report_not_json", "found a control character in a text")
		}
		if end+1 < len(t.buffer) {
			isPlain = false
			end += 2
			continue
		}
		if end-t.at > tallyString {
			return nil, t.refuse("report_too_large", "a text of more than %d MiB", tallyString>>20)
		}
		offset := end - t.at
		if !t.fill() {
			return nil, t.early()
		}
		end = offset
	}
	text := t.buffer[t.at : end+1]
	if !utf8.Valid(text) {
		return nil, t.refuse("report_encoding", "a text that is not UTF-8")
	}
	if !isPlain {
		if err := escapes(text); err != nil {
			return nil, t.refuse("report_not_json", "%s", err)
		}
	}
	t.at = end + 1
	return text, nil
}

// escapes checks every escape of a text in its quotes.
func escapes(text []byte) error {
	for i := 1; i < len(text)-1; i++ {
		if text[i] != '\\' {
			continue
		}
		i++
		switch text[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			unit, ok := hex4(text, i+1)
			if !ok {
				return errors.New("found a broken escape in a text")
			}
			i += 4
			if unit >= 0xD800 && unit < 0xE000 {
				low, ok := hex4(text, i+3)
				if unit >= 0xDC00 || !ok || text[i+1] != '\\' || text[i+2] != 'u' || low < 0xDC00 || low > 0xDFFF {
					return errors.New("found half a surrogate pair in a text")
				}
				i += 6
			}
		default:
			return errors.New("found an escape that JSON does not have")
		}
	}
	return nil
}

func hex4(text []byte, at int) (uint64, bool) {
	if at+4 > len(text) {
		return 0, false
	}
	for _, char := range text[at : at+4] {
		if !('0' <= char && char <= '9' || 'a' <= char|0x20 && char|0x20 <= 'f') {
			return 0, false
		}
	}
	unit, err := strconv.ParseUint(string(text[at:at+4]), 16, 32)
	return unit, err == nil
}

// plainKey is the name of a key given in its quotes.
func plainKey(raw []byte) ([]byte, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	var name string
	err := json.Unmarshal(raw, &name)
	return []byte(name), err
}

// scalar reads a number or a word.
func (t *tallier) scalar(s *shape) error {
	end := t.at
	for {
		for end < len(t.buffer) && isScalar(t.buffer[end]) {
			end++
		}
		if end < len(t.buffer) {
			break
		}
		if end-t.at > 4096 {
			return t.refuse("report_not_json", "a number of more than 4096 characters")
		}
		offset := end - t.at
		isMore := t.fill() // it moves what is read already, more or not
		if end = offset; !isMore {
			break
		}
	}
	word := t.buffer[t.at:end]
	if len(word) == 0 || !json.Valid(word) {
		return t.refuse("report_not_json", "found %.20q, expected a value", t.buffer[t.at:min(end+1, len(t.buffer))])
	}
	if word[0] == '-' || word[0] <= '9' {
		if bytes.ContainsAny(word, "eE") || len(word) > 300 {
			if _, err := strconv.ParseFloat(string(word), 64); err != nil {
				return t.refuse("report_not_json", "a number is out of range")
			}
		}
	}
	t.at = end
	if s == nil {
		return nil
	}
	return t.write(word...)
}

func isScalar(char byte) bool {
	return '0' <= char && char <= '9' || 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' ||
		char == '-' || char == '+' || char == '.'
}

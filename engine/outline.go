package main

// A first look at untrusted YAML that builds nothing: how deep it nests, how many nodes and aliases
// it has. The YAML libraries need time and memory in proportion to nesting (and the square of it),
// so what is too deep must not reach them.
//
// It follows the tokens of YAML as far as nesting needs: where scalars and comments begin and end,
// which columns open a block, which brackets a flow. What it misjudges, the libraries' own limits
// (10,000 levels) and the exact count on the tree that comes after it still bound.

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// manifestLimits bound a stream of manifests; the fields are header keys. Bytes, aliases and documents
// are the stream's, the others each document's; of the documents with aliases all nodes count together.
type manifestLimits struct {
	Bytes         int `json:"bytes"`
	DocumentBytes int `json:"document_bytes"`
	Depth         int `json:"depth"`
	Aliases       int `json:"aliases"`
	Nodes         int `json:"nodes"`
	Documents     int `json:"documents"`
}

// An outline is what the first look counted.
type outline struct {
	nodes, aliases int
	// isPlain is whether the last document has only what every YAML reader reads alike: no anchors,
	// aliases, tags, merges, complex keys, markers, keys that are no texts, or unusual numbers.
	isPlain bool
	// isAliased is whether the last document has aliases.
	isAliased bool
	// content is the offset where the line of its first token begins; -1 without one.
	content int
}

// outlined looks over one document. A problem is a *syntaxError with the offset of its place.
// `aliases` is how many earlier documents of the stream had.
func outlined(text string, limits manifestLimits, aliases int) (outline, error) {
	s := outliner{text: text, limits: limits, keyAllowed: true, key: -1}
	s.counted = outline{aliases: aliases, isPlain: true, content: -1}
	s.at = len(text) - len(strings.TrimPrefix(text, "\uFEFF"))
	s.lineStart = s.at
	for s.err == nil && s.at < len(s.text) {
		s.token()
	}
	return s.counted, s.err
}

type outliner struct {
	text    string
	limits  manifestLimits
	counted outline
	err     error

	at        int
	lineStart int
	// indents are the columns of the open block collections, flow is the number of open brackets.
	indents []int
	flow    int
	// first is the column of the first token.
	first int
	// key is the column where a token started that a colon would make a key; -1 if none did.
	key        int
	keyAllowed bool
}

func (s *outliner) refuse(offset int, format string, args ...any) {
	if s.err == nil {
		s.err = &syntaxError{offset, fmt.Sprintf(format, args...)}
	}
}

func (s *outliner) column() int { return s.at - s.lineStart }

// indent is the column of the innermost block collection, -1 outside of all.
func (s *outliner) indent() int {
	if len(s.indents) == 0 {
		return -1
	}
	return s.indents[len(s.indents)-1]
}

// lineBreak is the width of the line break at `at`, 0 if there is none. YAML 1.1 has five.
func (s *outliner) lineBreak(at int) int {
	switch s.text[at] {
	case '\n':
		return 1
	case '\r':
		if at+1 < len(s.text) && s.text[at+1] == '\n' {
			return 2
		}
		return 1
	case 0xC2:
		if strings.HasPrefix(s.text[at:], "\u0085") {
			return 2
		}
	case 0xE2:
		if strings.HasPrefix(s.text[at:], "\u2028") || strings.HasPrefix(s.text[at:], "\u2029") {
			return 3
		}
	}
	return 0
}

// blank is whether `at` is a space, a tab, a line break or the end.
func (s *outliner) blank(at int) bool {
	return at >= len(s.text) || s.text[at] == ' ' || s.text[at] == '\t' || s.lineBreak(at) > 0
}

func (s *outliner) newLine(width int) {
	s.at += width
	s.lineStart = s.at
}

func (s *outliner) node() {
	s.counted.nodes++
	if s.counted.nodes > s.limits.Nodes {
		s.refuse(s.at, "found more than %d nodes, expected at most that", s.limits.Nodes)
	}
}

// deeper notes a collection that opens at `offset`.
func (s *outliner) deeper(offset int) {
	s.node()
	if len(s.indents)+s.flow > s.limits.Depth {
		s.refuse(offset, "found nesting deeper than %d, expected at most that", s.limits.Depth)
	}
}

// open opens a block collection at `column`, unless one is open there.
func (s *outliner) open(column int) {
	if s.flow == 0 && column > s.indent() {
		s.indents = append(s.indents, column)
		s.deeper(s.lineStart + column)
	}
}

// token moves over spaces and comments and one token.
func (s *outliner) token() {
	for {
		for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
			s.at++
		}
		if s.at < len(s.text) && s.text[s.at] == '#' {
			s.restOfLine()
		}
		if s.at >= len(s.text) {
			return
		}
		width := s.lineBreak(s.at)
		if width == 0 {
			break
		}
		s.newLine(width)
		if s.flow == 0 {
			s.key, s.keyAllowed = -1, true
		}
	}
	for s.flow == 0 && len(s.indents) > 0 && s.indent() > s.column() {
		s.indents = s.indents[:len(s.indents)-1]
	}

	char, column := s.text[s.at], s.column()
	if column == 0 {
		if marker := s.text[s.at:]; (strings.HasPrefix(marker, "---") || strings.HasPrefix(marker, "...")) && s.blank(s.at+3) {
			s.indents, s.flow = s.indents[:0], 0
			// One that only starts the document is as good as none.
			s.counted.isPlain = s.counted.isPlain && marker[0] == '-' && s.counted.content < 0
			s.at += 3
			return
		}
		if char == '%' {
			s.counted.isPlain = false
			s.restOfLine()
			return
		}
	}
	if s.counted.content < 0 {
		s.counted.content, s.first = s.lineStart, column
		// A reader may stop after a collection in brackets and never see what follows it.
		s.counted.isPlain = s.counted.isPlain && char != '[' && char != '{'
	}
	// So it may where a block has ended: before a line further left, or at a bracket that nothing opened.
	if s.flow == 0 && (column < s.first || char == ']' || char == '}') {
		s.counted.isPlain = false
	}
	switch {
	case char == '[' || char == '{':
		s.startsKey(column)
		s.flow++
		s.deeper(s.at)
		s.at++
	case char == ']' || char == '}':
		s.flow = max(0, s.flow-1)
		s.at++
	case char == ',' && s.flow > 0:
		s.at++
	case (char == '-' || char == '?') && s.blank(s.at+1):
		s.counted.isPlain = s.counted.isPlain && char == '-'
		s.open(column)
		s.key, s.keyAllowed = -1, true
		s.at++
	case char == ':' && (s.blank(s.at+1) || s.flow > 0):
		if s.key >= 0 {
			s.open(s.key)
			s.key, s.keyAllowed = -1, false
		} else {
			s.open(column)
		}
		s.at++
	case char == '&' || char == '!':
		s.counted.isPlain = false
		s.startsKey(column)
		s.word()
	case char == '*':
		s.counted.isPlain, s.counted.isAliased = false, true
		s.startsKey(column)
		s.counted.aliases++
		if s.counted.aliases > s.limits.Aliases {
			s.refuse(s.at, "found more than %d aliases, expected at most that", s.limits.Aliases)
		}
		s.word()
	case (char == '|' || char == '>') && s.flow == 0:
		s.node()
		s.blockScalar()
	case char == '"' || char == '\'':
		s.startsKey(column)
		s.node()
		s.quoted(char)
	default:
		s.startsKey(column)
		s.node()
		start := s.at
		s.plain()
		s.scalar(s.text[start:s.at])
	}
}

// scalar notes a scalar without quotes that two readers might take for different things: as a key, or
// as a number beyond what a float holds exactly.
func (s *outliner) scalar(text string) {
	const exactDigits = 15
	isKey := s.at < len(s.text) && s.text[s.at] == ':'
	switch first := text[:min(1, len(text))]; {
	case first == "" || strings.IndexByte("+-.0123456789", first[0]) >= 0:
		s.counted.isPlain = s.counted.isPlain && !isKey && len(text) <= exactDigits && !strings.ContainsAny(text, "eE")
	case isKey && strings.IndexByte("yYnNtTfFoO~<", first[0]) >= 0:
		switch strings.ToLower(text) {
		case "y", "n", "yes", "no", "true", "false", "on", "off", "null", "~", "<<":
			s.counted.isPlain = false
		}
	}
}

func (s *outliner) startsKey(column int) {
	if s.flow == 0 && s.keyAllowed {
		s.key, s.keyAllowed = column, false
	}
}

func (s *outliner) restOfLine() {
	for s.at < len(s.text) && s.lineBreak(s.at) == 0 {
		s.at++
	}
}

// word moves over an anchor, an alias or a tag.
func (s *outliner) word() {
	for s.at++; !s.blank(s.at); s.at++ {
		if s.flow > 0 && strings.IndexByte(",[]{}", s.text[s.at]) >= 0 {
			return
		}
	}
}

func (s *outliner) quoted(quote byte) {
	for s.at++; s.at < len(s.text); {
		switch char := s.text[s.at]; {
		case char == '\\' && quote == '"' && s.at+1 < len(s.text) && s.lineBreak(s.at+1) == 0:
			s.at += 2
		case char == quote && quote == '\'' && s.at+1 < len(s.text) && s.text[s.at+1] == quote:
			s.at += 2
		case char == quote:
			s.at++
			return
		default:
			if width := s.lineBreak(s.at); width > 0 {
				s.newLine(width)
				s.key = -1 // a key ends on the line where it starts
			} else {
				s.at++
			}
		}
	}
}

// plain moves over a scalar without quotes, which may go on over more lines.
func (s *outliner) plain() {
	for s.at < len(s.text) {
		for !s.blank(s.at) {
			if char := s.text[s.at]; char == ':' {
				if s.blank(s.at+1) || s.flow > 0 && strings.IndexByte(",?[]{}", s.text[s.at+1]) >= 0 {
					return
				}
			} else if s.flow > 0 && strings.IndexByte(",[]{}", char) >= 0 {
				return
			}
			s.at++
		}
		// Look over the space for what goes on; without that the space stays for the next token.
		at, lineStart, broken := s.at, s.lineStart, false
		for s.at < len(s.text) {
			if width := s.lineBreak(s.at); width > 0 {
				s.newLine(width)
				broken = true
			} else if s.text[s.at] == ' ' || s.text[s.at] == '\t' {
				s.at++
			} else {
				break
			}
		}
		ends := s.at >= len(s.text) || s.text[s.at] == '#' && s.at > at
		if broken && !ends {
			marker := s.text[s.at:]
			ends = s.flow == 0 && s.column() <= s.indent() ||
				s.column() == 0 && (strings.HasPrefix(marker, "---") || strings.HasPrefix(marker, "...")) && s.blank(s.at+3)
		}
		if ends {
			s.at, s.lineStart = at, lineStart
			return
		}
		if broken {
			s.key = -1
		}
	}
}

// blockScalar moves over a `|` or `>` scalar: its lines are text, whatever they look like.
func (s *outliner) blockScalar() {
	indent := 0
	for s.at++; s.at < len(s.text); s.at++ {
		if char := s.text[s.at]; '1' <= char && char <= '9' {
			indent = max(0, s.indent()) + int(char-'0')
		} else if char != '+' && char != '-' {
			break
		}
	}
	s.restOfLine()
	s.key, s.keyAllowed = -1, true
	widest := 0
	for s.at < len(s.text) {
		s.newLine(s.lineBreak(s.at))
		for s.at < len(s.text) && s.text[s.at] == ' ' && (indent == 0 || s.column() < indent) {
			s.at++
		}
		if s.at < len(s.text) && s.lineBreak(s.at) > 0 {
			widest = max(widest, s.column())
			continue
		}
		if indent == 0 {
			// The first line with text decides, or an emptier one before it that is wider.
			indent = max(widest, s.column(), s.indent()+1, 1)
		}
		if s.column() < indent {
			s.at = s.lineStart
			return
		}
		s.restOfLine()
	}
}

// position is the line and column, in characters, of a byte of a text.
func position(text string, offset int) (line, column int) {
	at := textPlace{line: 1, column: 1}.forward(text, min(offset, len(text)))
	return at.line, at.column
}

// A textPlace is an offset with its line and column, in characters: walking on costs what lies between.
type textPlace struct{ offset, line, column int }

func (p textPlace) forward(text string, offset int) textPlace {
	between := text[p.offset:offset]
	p.offset = offset
	if last := strings.LastIndexByte(between, '\n'); last >= 0 {
		p.line += strings.Count(between, "\n")
		p.column, between = 1, between[last+1:]
	}
	p.column += utf8.RuneCountInString(between)
	return p
}

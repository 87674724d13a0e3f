package main

// Kubernetes YAML and JSON to values, as the cluster reads them, bounded, with positions on demand.
//
//  1. the bytes: size, encoding
//  2. documents, cut as k8s.io/apimachinery/pkg/util/yaml cuts them for kubectl
//  3. a first look at each that builds nothing (outline.go)
//  4. values from sigs.k8s.io/yaml, strictly: duplicate keys are errors
//  5. the same document as nodes of go.yaml.in/yaml/v3, which know their positions; a tree of
//     another shape than the value means the two libraries disagree, and the document is refused.
//     A plain document (outline.go) is read so only when somebody asks for a position

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
	yamlnode "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

var defaultManifestLimits = manifestLimits{
	Bytes: 128 << 20, DocumentBytes: 10 << 20, Depth: 100, Aliases: 1000, Nodes: 1_000_000, Documents: 200_000,
}

type manifestsAnswer struct {
	Documents []documentAnswer `json:"documents"`
	Positions []*nodePosition  `json:"positions"`
}

type documentAnswer struct {
	Index int             `json:"index"`
	Line  int             `json:"line"`
	Value json.RawMessage `json:"value"`
}

// A nodePosition is where a value and its key stand in the file; for an element of a list both are
// the element's.
type nodePosition struct {
	Line      int `json:"line"`
	Column    int `json:"column"`
	KeyLine   int `json:"key_line"`
	KeyColumn int `json:"key_column"`
}

type askedPointer struct {
	Document int    `json:"document"`
	Pointer  string `json:"pointer"`
}

// manifests answers with the documents of a stream, and the positions that were asked for.
func (s *server) manifests(r request) ([]byte, error) {
	header := struct {
		Limits   manifestLimits `json:"limits"`
		Pointers []askedPointer `json:"pointers"`
	}{Limits: defaultManifestLimits}
	if err := decodeHeader(r.header, &header); err != nil {
		return nil, err
	}
	documents, err := readManifests(r.body, header.Limits)
	if err != nil {
		return nil, err
	}
	answer := manifestsAnswer{Documents: []documentAnswer{}, Positions: []*nodePosition{}}
	for _, d := range documents {
		if string(d.value) != "null" {
			answer.Documents = append(answer.Documents, documentAnswer{d.index, d.contentLine(), d.value})
		}
	}
	for _, asked := range header.Pointers {
		var found *nodePosition
		if 0 <= asked.Document && asked.Document < len(documents) {
			if found, err = documents[asked.Document].position(asked.Pointer, header.Limits); err != nil {
				return nil, err
			}
		}
		answer.Positions = append(answer.Positions, found)
	}
	return encoded(answer), nil
}

// A document is one of a stream.
type document struct {
	index int
	text  string
	// line and column are where the text starts in the file, from 1; a column only for JSON.
	line, column int
	isJSON       bool
	value        []byte
	outline      outline
	// nodes is how many there are with aliases followed, where the nodes have been read.
	nodes int
	// root is nil for JSON, for an empty document, and for a plain one until it is needed.
	root *yamlnode.Node
}

// readManifests are the documents of a stream with their values.
func readManifests(body []byte, limits manifestLimits) ([]*document, error) {
	documents, err := outlinedDocuments(body, limits)
	if err != nil {
		return nil, err
	}
	return documents, readAll(documents, limits)
}

// outlinedDocuments are the documents of a stream, none of which has been read.
func outlinedDocuments(body []byte, limits manifestLimits) ([]*document, error) {
	if len(body) > limits.Bytes {
		return nil, fail(manifestError, fmt.Sprintf("manifests: found %d bytes, expected at most %d", len(body), limits.Bytes))
	}
	text := shared(body)
	if err := checkEncoding(text); err != nil {
		return nil, err
	}
	documents, err := cut(text, limits)
	if err != nil {
		return nil, err
	}
	aliases := 0
	for _, d := range documents {
		if len(d.text) > limits.DocumentBytes {
			return nil, d.refusal(0, 0, fmt.Sprintf("found a document of %d bytes, expected at most %d", len(d.text), limits.DocumentBytes))
		}
		if d.outline, err = outlined(d.text, limits, aliases); err != nil {
			return nil, d.refusalAt(err)
		}
		aliases = d.outline.aliases
	}
	return documents, nil
}

// readAll fills in the values of documents, on all cores; the first document that is wrong is told. Those
// with aliases are read one after the other: their nodes count together, as they may be many more than bytes.
func readAll(documents []*document, limits manifestLimits) error {
	left := limits
	var plain []*document
	for _, d := range documents {
		if !d.outline.isAliased {
			plain = append(plain, d)
			continue
		}
		if err := d.read(left); err != nil {
			return err
		}
		left.Nodes -= d.nodes
	}
	errs := make([]error, len(plain))
	onAllCores(len(plain), func(i int) {
		defer func() {
			if found := recover(); found != nil {
				errs[i] = panicFailure(found)
			}
		}()
		errs[i] = plain[i].read(limits)
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkEncoding accepts UTF-8 without NUL, which is what the API server accepts.
func checkEncoding(text string) error {
	whole := &document{text: text, line: 1, column: 1}
	if strings.HasPrefix(text, "\xFF\xFE") || strings.HasPrefix(text, "\xFE\xFF") {
		return fail(manifestError, "manifests: found UTF-16, expected UTF-8; convert the file",
			problem{Code: manifestError, Message: "found UTF-16, expected UTF-8", Path: "document 0", Line: 1, Column: 1})
	}
	if at := strings.IndexByte(text, 0); at >= 0 {
		return whole.refusalAt(&syntaxError{at, fmt.Sprintf("found a NUL byte at offset %d, expected text", at)})
	}
	if utf8.ValidString(text) {
		return nil
	}
	for at := 0; ; {
		char, size := utf8.DecodeRuneInString(text[at:])
		if char == utf8.RuneError && size == 1 {
			return whole.refusalAt(&syntaxError{at, fmt.Sprintf("found byte 0x%02x at offset %d, expected UTF-8", text[at], at)})
		}
		at += size
	}
}

// read fills in the value.
func (d *document) read(limits manifestLimits) error {
	err := d.readValue(limits)
	d.value = withoutNegativeZero(d.value)
	return err
}

func (d *document) readValue(limits manifestLimits) error {
	switch {
	case d.isJSON:
		value, err := readValue([]byte(d.text))
		if err != nil {
			return d.refusalAt(err)
		}
		if at := loneSurrogate(d.text); at >= 0 {
			return d.refusalAt(&syntaxError{at, fmt.Sprintf("found %.6s, half a character, expected text", d.text[at:])})
		}
		// As a YAML document's: keys sorted, so that the same object is the same bytes.
		if d.value, err = appendValue(make([]byte, 0, len(d.text)), value); err != nil {
			return d.refusal(0, 0, err.Error())
		}
		return nil
	case d.outline.isPlain && d.outline.content >= 0:
		// The first look may be short by one level in two; what is too deep the nodes tell with its place.
		if value, err := clusterValue([]byte(d.text)); err == nil && depthOf(value) <= limits.Depth {
			d.value = value
			return nil
		}
		// The nodes know better where it is wrong.
	}
	return d.readNodes(limits)
}

// readNodes fills in the value and the nodes, and holds one against the other.
func (d *document) readNodes(limits manifestLimits) error {
	decoder := yamlnode.NewDecoder(strings.NewReader(d.text))
	var parsed yamlnode.Node
	switch err := decoder.Decode(&parsed); {
	case err == io.EOF:
	case err != nil:
		return d.libraryRefusal(err)
	default:
		d.root = parsed.Content[0]
		var more yamlnode.Node
		if err := decoder.Decode(&more); err != io.EOF {
			line, column := max(1, more.Line), more.Column
			if err != nil {
				line, column, _ = d.libraryPlace(err)
			}
			return d.refusal(line, column, "found more after the end of the document, which the cluster would not read; expected a line with ---")
		}
		// Before the value is made: aliases are still small here, and copies there.
		w := walker{limits: limits, expanded: map[*yamlnode.Node]extent{}}
		whole, err := w.expand(d.root, 1)
		if err != nil {
			return d.refusal(err.node.Line, err.node.Column, err.message)
		}
		d.nodes = whole.count
	}
	value, err := yaml.YAMLToJSONStrict([]byte(d.text))
	if err != nil {
		return d.libraryRefusal(err)
	}
	d.value = value
	read, err := readValue(value)
	if err != nil {
		return d.refusal(0, 0, err.Error())
	}
	if d.root == nil {
		if read != ast.NullValue {
			return d.refusal(1, 1, "found a value without a place, expected the YAML readers to agree; write it more plainly")
		}
		return nil
	}
	if err := matches(d.root, read); err != nil {
		return d.refusal(err.node.Line, err.node.Column, err.message)
	}
	return nil
}

// refusal is the failure for a document at a line and column of it; 0 if they are not known.
func (d *document) refusal(line, column int, message string) *failure {
	p := problem{Code: manifestError, Message: message, Path: "document " + strconv.Itoa(d.index)}
	text, ok := lineOf(d.text, max(1, line))
	if line > 0 {
		p.Line, p.Column = d.inFile(line, max(1, column))
		if ok {
			p.Caret = caret(text, min(max(1, column), utf8.RuneCountInString(text)+1))
		}
	} else {
		p.Line, p.Column = d.line, d.column
	}
	return fail(manifestError, fmt.Sprintf("%s: %d:%d: %s", p.Path, p.Line, p.Column, message), p)
}

// refusalAt is the failure for an error with an offset into the document.
func (d *document) refusalAt(err error) *failure {
	at := (*syntaxError)(nil)
	if !errors.As(err, &at) {
		return d.refusal(0, 0, err.Error())
	}
	line, column := position(d.text, at.offset)
	return d.refusal(line, column, at.message)
}

var (
	lineInMessage = regexp.MustCompile(`line (\d+): `)
	yamlPrefix    = regexp.MustCompile(`^yaml: (unmarshal errors:\n\s*)?`)
)

// libraryRefusal translates an error of a YAML library.
func (d *document) libraryRefusal(err error) *failure {
	line, column, message := d.libraryPlace(err)
	return d.refusal(line, column, "found YAML that cannot be read ("+message+"), expected a Kubernetes manifest")
}

// libraryPlace is what an error of a YAML library says: a line of its text, and the rest.
func (d *document) libraryPlace(err error) (line, column int, message string) {
	message = yamlPrefix.ReplaceAllString(err.Error(), "")
	if found := lineInMessage.FindStringSubmatch(message); found != nil {
		line, _ = strconv.Atoi(found[1])
		message = strings.Replace(message, found[0], "", 1)
		if strings.HasPrefix(message, "did not find expected") {
			line++ // both libraries count lines from 0 in the errors of their parsers
		}
		if text, ok := lineOf(d.text, line); ok {
			column = utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " \t")) + 1
		}
	}
	// Further lines of the message name lines of the document, not of the file.
	message, _, _ = strings.Cut(message, "\n")
	return line, column, message
}

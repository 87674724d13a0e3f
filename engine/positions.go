package main

// Where in its file a part of a document stands.

import (
	"strconv"
	"strings"

	yamlnode "go.yaml.in/yaml/v3"
)

// position is the place of what a JSON pointer names, nil if it names nothing.
//
// An error is the document's: its readers disagree about it.
func (d *document) position(pointer string, limits manifestLimits) (*nodePosition, error) {
	if d.root == nil && !d.isJSON {
		if err := d.readNodes(limits); err != nil {
			return nil, err
		}
	}
	return d.placeOf(pointer), nil
}

func (d *document) placeOf(pointer string) *nodePosition {
	var segments []string
	if pointer != "" {
		if pointer[0] != '/' {
			return nil
		}
		segments = strings.Split(pointer[1:], "/")
		for i, segment := range segments {
			segments[i] = strings.ReplaceAll(strings.ReplaceAll(segment, "~1", "/"), "~0", "~")
		}
	}
	if d.isJSON {
		return d.positionInJSON(segments)
	}
	if d.root == nil {
		return nil
	}
	node := d.root
	key := node
	for _, segment := range segments {
		node = followed(node)
		var next, nextKey *yamlnode.Node
		switch node.Kind {
		case yamlnode.MappingNode:
			members, err := membersOf(node)
			if err != nil {
				return nil
			}
			for _, m := range members {
				if m.name == segment {
					next, nextKey = m.value, m.key
				}
			}
		case yamlnode.SequenceNode:
			if i, ok := listIndex(segment); ok && i < len(node.Content) {
				next, nextKey = node.Content[i], node.Content[i]
			}
		}
		if next == nil {
			return nil
		}
		node, key = next, nextKey
	}
	line, column := d.inFile(node.Line, node.Column)
	keyLine, keyColumn := d.inFile(key.Line, key.Column)
	return &nodePosition{line, column, keyLine, keyColumn}
}

// listIndex is a segment of a JSON pointer as the index of a list: digits without leading zeros.
func listIndex(segment string) (int, bool) {
	i, err := strconv.Atoi(segment)
	return i, err == nil && i >= 0 && strconv.Itoa(i) == segment
}

// positionInJSON reads the document along the pointer; the text has been read before.
func (d *document) positionInJSON(segments []string) *nodePosition {
	r := reader{text: []byte(d.text)}
	key := 0
	for _, segment := range segments {
		r.skipSpace()
		opened := r.text[r.at]
		if opened != '{' && opened != '[' {
			return nil
		}
		r.at++
		wanted, isIndex := listIndex(segment)
		found := false
		for i := 0; ; i++ {
			r.skipSpace()
			if r.text[r.at] == ']' || r.text[r.at] == '}' {
				return nil
			}
			key = r.at
			if opened == '{' {
				name, _ := r.string()
				r.skipSpace()
				r.at++ // the colon
				r.skipSpace()
				found = name == segment
			} else {
				found = isIndex && i == wanted
			}
			if found {
				break
			}
			_, _ = r.value(0)
			r.skipSpace()
			if r.text[r.at] == ',' {
				r.at++
			}
		}
	}
	line, column := d.inFile(position(d.text, r.at))
	keyLine, keyColumn := d.inFile(position(d.text, key))
	return &nodePosition{line, column, keyLine, keyColumn}
}

// inFile turns a place in the document into the place in the file.
func (d *document) inFile(line, column int) (int, int) {
	if line == 1 {
		column += d.column - 1
	}
	return d.line + line - 1, column
}

// contentLine is the first line of the file that holds something of the document.
func (d *document) contentLine() int {
	if d.root != nil {
		line, _ := d.inFile(d.root.Line, 1)
		return line
	}
	if d.outline.content > 0 {
		return d.line + strings.Count(d.text[:d.outline.content], "\n")
	}
	return d.line
}

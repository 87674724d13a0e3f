package main

// The value of a plain document, written as `sigs.k8s.io/yaml` writes it.
//
// That library reads with go.yaml.in/yaml/v2, copies what it got into maps of JSON and has those written by
// reflection: half of its time. For a document of texts, whole numbers, lists and mappings with keys that
// are texts only the first step can go wrong; the others are done here, and everything else is left to the
// library. The fuzz test FuzzPlain and the comparison with kubectl hold both against each other.

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	yamlvalue "go.yaml.in/yaml/v2"
	"sigs.k8s.io/yaml"
)

// clusterValue is what `yaml.YAMLToJSONStrict` makes of a document that outlined calls plain.
func clusterValue(text []byte) ([]byte, error) {
	// In the order of the text: no map is made, and a key that is there twice is seen.
	var members yamlvalue.MapSlice
	if err := yamlvalue.UnmarshalStrict(text, &members); err == nil && members != nil {
		if value, ok := appendMembers(make([]byte, 0, len(text)), members); ok {
			return value, nil
		}
	}
	return yaml.YAMLToJSONStrict(text)
}

// appendMembers appends a mapping with its keys sorted; false where one is no text, or there twice.
func appendMembers(out []byte, members yamlvalue.MapSlice) ([]byte, bool) {
	for _, member := range members {
		if _, ok := member.Key.(string); !ok {
			return out, false
		}
	}
	slices.SortFunc(members, func(a, b yamlvalue.MapItem) int { return strings.Compare(a.Key.(string), b.Key.(string)) })
	out = append(out, '{')
	for i, member := range members {
		key := member.Key.(string)
		if i > 0 {
			if key == members[i-1].Key.(string) {
				return out, false
			}
			out = append(out, ',')
		}
		out = append(appendText(out, key), ':')
		var ok bool
		if out, ok = appendMember(out, member.Value); !ok {
			return out, false
		}
	}
	return append(out, '}'), true
}

func appendMember(out []byte, value any) ([]byte, bool) {
	switch value := value.(type) {
	case nil:
		return append(out, "null"...), true
	case string:
		return appendText(out, value), true
	case bool:
		return strconv.AppendBool(out, value), true
	case int:
		return strconv.AppendInt(out, int64(value), 10), true
	case yamlvalue.MapSlice:
		return appendMembers(out, value)
	case []any:
		out = append(out, '[')
		for i, element := range value {
			if i > 0 {
				out = append(out, ',')
			}
			var ok bool
			if out, ok = appendMember(out, element); !ok {
				return out, false
			}
		}
		return append(out, ']'), true
	}
	return out, false
}

// appendText appends a text as encoding/json writes it, which escapes more than JSON asks for.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		if char := text[i]; char < ' ' || char >= utf8.RuneSelf || strings.IndexByte(`"\<>&`, char) >= 0 {
			// It cannot fail for a text.
			written, _ := json.Marshal(text)
			return append(out, bytes.TrimSpace(written)...)
		}
	}
	return append(append(append(out, '"'), text...), '"')
}

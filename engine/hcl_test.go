package main

import (
	"strings"
	"testing"
)

func TestHCLIsReadAndBounded(t *testing.T) {
	small := hclLimits{Bytes: 100, Depth: 3, Operators: 2}
	for name, c := range map[string]struct{ text, value, refused string }{
		"blocks":           {text: "a \"b\" {\n c = 1\n}\n", value: `{"a":{"b":[{"c":1}]}}`},
		"depth":            {text: "a = [[[1]]]\n", value: `{"a":[[[1]]]}`},
		"too deep":         {text: "a = [[[[1]]]]\n", refused: "nested too deep"},
		"operators":        {text: "a = !(!b)\n", value: `{"a":"${!(!b)}"}`},
		"too many":         {text: "a = !!!b\n", refused: "too many operators"},
		"too long":         {text: "# " + strings.Repeat("a", 100) + "\n", refused: "expected at most 100"},
		"no UTF-8":         {text: "a = \"\xff\"\n", refused: "UTF-8"},
		"block, argument":  {text: "a {}\na = 1\n", refused: "beside an argument"},
		"a key twice":      {text: "a = {b = 1, b = 2}\n", refused: "twice"},
		"an argument once": {text: "a = 1\na = 2\n", refused: "2:1"},
	} {
		t.Run(name, func(t *testing.T) {
			value, err := readHCL([]byte(c.text), small)
			if c.refused == "" && (err != nil || c.value != string(value)) {
				t.Errorf("found %s, %v, expected %s", value, err, c.value)
			}
			if c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("found %s, %v, expected a refusal with %q", value, err, c.refused)
			}
		})
	}
}

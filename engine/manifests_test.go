package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	k8s "k8s.io/apimachinery/pkg/util/yaml"
)

// read is the answer for a stream without positions.
func read(t *testing.T, text string) object {
	t.Helper()
	return inProcess(t).done(opManifests, object{}, text)
}

func TestDocumentsKeepTheirOrderIndexAndLine(t *testing.T) {
	equalJSON(t, `[{"index":0,"line":2,"value":{"a":1}},{"index":2,"line":8,"value":["[[[[\n --- no separator\n",null]},{"index":3,"line":13,"value":"text"}]`,
		read(t, "# a comment\na: 1\n---\n---\n# nothing\n--- # with a comment\n\n- |\n  [[[[\n   --- no separator\n- null\n---\ntext\n")["documents"])
	equalJSON(t, `[]`, read(t, "")["documents"])
	equalJSON(t, `[]`, read(t, "\n---\n# only comments\n---\nnull\n")["documents"])
	equalJSON(t, `[{"index":0,"line":1,"value":{"a":1}},{"index":1,"line":4,"value":{"b":2}}]`, read(t, "a: 1\r\n---\r\n\r\nb: 2\r\n")["documents"])
	equalJSON(t, `[{"index":0,"line":1,"value":{"a":1}}]`, read(t, "\uFEFFa: 1\n")["documents"])
}

func TestValuesAreThoseOfTheCluster(t *testing.T) {
	for text, expected := range map[string]string{
		`no: yes`: `{"false":true}`, `"no": "yes"`: `{"no":"yes"}`, `a: 0777`: `{"a":511}`, `a: 0o17`: `{"a":15}`, `a: 1_000`: `{"a":1000}`,
		`a: 1:30`: `{"a":"1:30"}`, `a: 2020-01-01`: `{"a":"2020-01-01"}`, `a: 1.0`: `{"a":1}`, `a: -0.0`: `{"a":0}`, `a: [-0, "-0", -0.5, {"-0": -0}, "\"-0,"]`: `{"a":[0,"-0",-0.5,{"-0":0},"\"-0,"]}`, `a: 1e3`: `{"a":1000}`, `5: x`: `{"5":"x"}`, `1.5: x`: `{"1.5":"x"}`,
		`a: ~`: `{"a":null}`, `a:`: `{"a":null}`, `a: !!str 5`: `{"a":"5"}`, "a: >\n  b\n  c\n": `{"a":"b c\n"}`, `a: "\u00e9\n"`: `{"a":"é\n"}`, `a: 'it''s'`: `{"a":"it's"}`,
		`{a: [1, {b: c}]}`: `{"a":[1,{"b":"c"}]}`, "a: &x {b: 1}\nc: *x\n": `{"a":{"b":1},"c":{"b":1}}`, "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n": `{"a":{"b":1},"c":{"b":1,"d":2}}`,
		`a: 9007199254740993`: `{"a":9007199254740993}`, `a: 18446744073709551615`: `{"a":18446744073709551615}`,
		"a: 1\n...\n": `{"a":1}`,
	} {
		documents := string(asJSON(read(t, text)["documents"].([]any)[0].(object)["value"]))
		var want any
		if err := json.Unmarshal([]byte(expected), &want); err != nil {
			t.Fatal(err)
		}
		if string(asJSON(want)) != documents {
			t.Errorf("%s: found %s, expected %s", text, documents, expected)
		}
	}
}

func TestAStreamOfJSONIsReadAsTheClusterReadsIt(t *testing.T) {
	for text, expected := range map[string]string{
		`{"a":1.0}{"b":1e2}`:                      `[{"index":0,"line":1,"value":{"a":1.0}},{"index":1,"line":1,"value":{"b":1e2}}]`,
		"{\"a\":1}\n\n{\"b\":2}\n null":           `[{"index":0,"line":1,"value":{"a":1}},{"index":1,"line":3,"value":{"b":2}}]`,
		"{\"a\":1}\n---\nb: 2\n---\n{\"c\": 3}":   `[{"index":0,"line":1,"value":{"a":1}},{"index":1,"line":3,"value":{"b":2}},{"index":2,"line":5,"value":{"c":3}}]`,
		"{a: b}":                                  `[{"index":0,"line":1,"value":{"a":"b"}}]`,
		"{\"a\": \"\\ud83d\\ude00 \\/ \\u0041\"}": `[{"index":0,"line":1,"value":{"a":"😀 / A"}}]`,
	} {
		equalJSON(t, expected, read(t, text)["documents"])
	}
	// Numbers keep their text, as in the API server's storage.
	_, payload := inProcess(t).call(opManifests, object{}, `{"a": 1.0, "b": 12345678901234567890}`)
	if !strings.Contains(string(payload), `{"a":1.0,"b":12345678901234567890}`) {
		t.Errorf("found %s", payload)
	}
}

func TestPositionsAreThoseInTheFile(t *testing.T) {
	text := `# first
a: 1
---

metadata: {name: "é", yes: 1}
spec:
  containers:
    - name: x
      "a/b~c": &list [1, 2]
      again: *list
  merged:
    <<: {inner: 1}
    own: 2
---
top
`
	asked := []askedPointer{}
	for _, pointer := range []string{"", "/metadata", "/metadata/true", "/spec/containers/0", "/spec/containers/0/a~1b~0c/1", "/spec/containers/0/again/0", "/spec/merged/inner", "/spec/merged/own",
		"/nothing", "/spec/containers/1", "/spec/containers/00", "/metadata/name/x", "no-slash"} {
		asked = append(asked, askedPointer{1, pointer})
	}
	asked = append(asked, askedPointer{0, "/a"}, askedPointer{2, ""}, askedPointer{3, ""}, askedPointer{-1, ""})
	answer := inProcess(t).done(opManifests, object{"pointers": asked}, text)
	places := []string{}
	for _, each := range answer["positions"].([]any) {
		if p, ok := each.(object); ok {
			places = append(places, fmt.Sprintf("%v:%v %v:%v", p["line"], p["column"], p["key_line"], p["key_column"]))
		} else {
			places = append(places, "-")
		}
	}
	equalJSON(t, `["5:1 5:1","5:11 5:1","5:28 5:23","8:7 8:7","9:26 9:26","9:23 9:23","12:17 12:10","13:10 13:5","-","-","-","-","-","2:4 2:1","15:1 15:1","-","-"]`, places)

	answer = inProcess(t).done(opManifests, object{"pointers": []askedPointer{{1, ""}, {1, "/é/1/b"}, {1, "/é/2"}, {1, "/z"}, {0, "/a"}}}, "{\"a\":1} {\n  \"é\" : [ 1, {\"b\": 2} ],\n \"y\": 1}")
	equalJSON(t, `[{"line":1,"column":9,"key_line":1,"key_column":9},{"line":2,"column":20,"key_line":2,"key_column":15},null,null,{"line":1,"column":6,"key_line":1,"key_column":2}]`, answer["positions"])
}

func TestAmbiguousManifestsAreRefusedWithTheirPlace(t *testing.T) {
	for name, c := range map[string]struct {
		text         string
		path         string
		line, column float64
	}{
		"duplicate keys":               {"a: 1\n---\nx:\n  b: 1\n  b: 2\n", "document 1", 5, 3},
		"duplicate keys in JSON":       {"{\"a\":1,\n\"a\":2}", "document 0", 2, 6},
		"keys that are one in JSON":    {"a:\n  1: x\n  \"1\": y\n", "document 0", 2, 3},
		"true twice":                   {"a:\n  yes: x\n  true: y\n", "document 0", 3, 3},
		"a merged key overridden":      {"a:\n  <<: {b: 1}\n  b: 2\n", "document 0", 3, 3},
		"text after a separator":       {"a: 1\n--- b: 2\n", "document 1", 2, 5},
		"a document the cluster drops": {"a: 1\n...\nb: 2\n", "document 0", 3, 1},
		"UTF-16":                       {"\xFF\xFEa\x00", "document 0", 1, 1},
		"invalid UTF-8":                {"a: é\nb: \xC3\n", "document 0", 2, 4},
		"NUL":                          {"a: é\x00", "document 0", 1, 5},
		"half a character in JSON":     {"{\"a\": \"\\\\ud83d \\ud83d\\ude00 \\udC00\"}", "document 0", 1, 29},
		"the other half":               {"{\"a\":\n\"\\ud83d\\u0041\"}", "document 0", 2, 2},
		"NaN":                          {"a: .nan", "document 0", 1, 1},
		"a key that is a list":         {"[a]: 1", "document 0", 1, 1},
		"an unknown alias":             {"a: 1\nb: *x\n", "document 0", 1, 1},
		"broken flow":                  {"a: 1\nb: [1\nc: 2\n", "document 0", 2, 1},
		"a third value that is broken": {"{\"a\":1}\n{\"b\":2}\n{\"c\"", "document 2", 3, 5},
		"a template":                   {"a: 1\n---\nb: {{ .Values.b }}\n", "document 1", 3, 1},
		"a tab":                        {"a:\n\tb: 1\n", "document 0", 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			failed := inProcess(t).refused(manifestError, opManifests, object{}, c.text)
			p := failed.Problems[0]
			if p.Path != c.path || float64(p.Line) != c.line || float64(p.Column) != c.column {
				t.Errorf("found %s %d:%d (%s), expected %s %v:%v", p.Path, p.Line, p.Column, p.Message, c.path, c.line, c.column)
			}
		})
	}
}

func TestDeepAndLargeManifestsAreRefusedBeforeTheyAreBuilt(t *testing.T) {
	lines := func(count int, format string) string {
		var text strings.Builder
		for i := range count {
			fmt.Fprintf(&text, format, strings.Repeat(" ", i))
		}
		return text.String()
	}
	for name, text := range map[string]string{
		"flow lists":          strings.Repeat("[", 50_000),
		"flow mappings":       strings.Repeat("{", 50_000),
		"mixed flow":          "a: " + strings.Repeat("[{a: ", 50_000),
		"closed flow":         strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000),
		"JSON":                strings.Repeat(`{"a":`, 50_000),
		"compact lists":       strings.Repeat("- ", 50_000),
		"complex keys":        strings.Repeat("? ", 50_000),
		"values without keys": strings.Repeat(": ", 50_000),
		"mixed compact":       strings.Repeat("- ? ", 50_000),
		"block mappings":      lines(2000, "%sa:\n"),
		"block lists":         lines(2000, "%s-\n"),
		"below a scalar":      "a: 'x'\nb: |\n  text\nc: " + strings.Repeat("[", 50_000),
		"after an anchor":     "&a !!seq " + strings.Repeat("[", 50_000),
		"in a later document": "a: 1\n---\nb: 2\n---\n" + strings.Repeat("[", 50_000),
		"after a plain text":  "a: x\n  y [[\nb: " + strings.Repeat("[", 50_000),
	} {
		_, err := readManifests([]byte(text), defaultManifestLimits)
		if err == nil || !strings.Contains(err.Error(), "deeper than 100") {
			t.Errorf("%s: found %v, expected it to be too deep", name, err)
		}
		// The first look alone has to say so: nothing may have been built.
		documents, cutErr := cut(text, defaultManifestLimits)
		for _, d := range documents {
			if _, cutErr = outlined(d.text, defaultManifestLimits, 0); cutErr != nil {
				break
			}
		}
		if cutErr == nil {
			t.Errorf("%s: the first look let it pass", name)
		}
	}
	for name, c := range map[string]struct {
		text   string
		limits manifestLimits
		said   string
	}{
		"tags":                               {strings.Repeat("!!a ", 50_000), defaultManifestLimits, ""},
		"anchors":                            {strings.Repeat("&a ", 50_000), defaultManifestLimits, ""},
		"bytes":                              {"a: 12345", manifestLimits{7, 7, 9, 9, 9, 9}, "8 bytes"},
		"documents":                          {"a: 1\n---\nb: 1\n---\nc: 1\n", manifestLimits{99, 99, 9, 9, 99, 2}, "more than 2 documents"},
		"documents, JSON":                    {"{}\n{}\n{}\n", manifestLimits{99, 99, 9, 9, 99, 2}, "more than 2 documents"},
		"one document":                       {"a: 1\n---\nb: 12345\n", manifestLimits{99, 8, 9, 9, 99, 2}, "document 1: 3:1: found a document of 9 bytes, expected at most 8"},
		"nodes":                              {"[1,2,3]\n---\n[1,2,3,4,5,6,7]\n", manifestLimits{99, 99, 9, 9, 7, 9}, "more than 7 nodes"},
		"nodes, JSON":                        {"{\"a\": 1}\n{\"a\": [1,2,3,4,5,6,7]}\n", manifestLimits{99, 99, 9, 9, 7, 9}, "more than 7 nodes"},
		"nodes of aliases in many documents": {strings.Repeat("a: &x [1,2,3]\nb: [*x, *x]\n---\n", 3), manifestLimits{999, 99, 9, 9, 40, 9}, "nodes with aliases followed"},
		"aliases":                            {"a: &x 1\nb: [*x, *x, *x]", manifestLimits{99, 99, 9, 2, 99, 9}, "more than 2 aliases"},
		"depth":                              {"[[[1]]]", manifestLimits{99, 99, 2, 2, 99, 9}, "deeper than 2"},
		"indentless":                         {"a:\n- b:\n  - c:\n    - d:\n      - e\n", manifestLimits{99, 99, 6, 2, 99, 9}, "deeper than 6"},
		"aliased":                            {"a: &x [[1]]\nb: [[*x]]\n", manifestLimits{99, 99, 4, 2, 99, 9}, "deeper than 4"},
		"a cycle":                            {"a: &x [*x]\n", defaultManifestLimits, "no cycles"},
		"a longer cycle":                     {"a: &x {b: [1, *x]}\n", defaultManifestLimits, "no cycles"},
	} {
		if _, err := readManifests([]byte(c.text), c.limits); err == nil || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: found %v, expected %q", name, err, c.said)
		}
	}
	for levels := 4; levels <= 12; levels++ {
		text := "l0: &l0 [x,x,x,x,x,x,x,x,x]\n"
		for i := 1; i < levels; i++ {
			text += fmt.Sprintf("l%d: &l%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d,", i-1), 9), ","))
		}
		if _, err := readManifests([]byte(text), defaultManifestLimits); err == nil {
			t.Errorf("a bomb of %d levels was read", levels)
		}
	}
}

func TestWhatOnlyLooksDeepIsRead(t *testing.T) {
	brackets := strings.Repeat("[{", 200)
	deepText := ""
	for i := range 150 {
		deepText += strings.Repeat(" ", i+2) + "a:\n"
	}
	for name, text := range map[string]string{
		"double quotes":      "a: \"" + brackets + "\"",
		"single quotes":      "a: 'it''s " + brackets + "'",
		"quotes over lines":  "a: \"x\n  " + brackets + "\n  - - - -\n  y\"",
		"a literal":          "a: |\n  " + brackets + "\n" + deepText + "b: 1\n",
		"a folded":           "a: >-\n  " + brackets + "\n",
		"an indented one":    "a: |2\n     " + brackets + "\n  x\nb: 1\n",
		"a kept one":         "a: |+  # comment\n\n\n  " + brackets + "\n\nb: 1\n",
		"in a list":          "- |\n " + brackets + "\n- a: |\n   " + brackets + "\n",
		"a comment":          "a: 1 # " + brackets + "\n# " + brackets + "\n",
		"plain text":         "a: x" + brackets + "\n  " + "y" + brackets + "\n",
		"plain over lines":   "a: x\n  " + brackets + "\n",
		"a list of siblings": strings.Repeat("- [{}]\n", 500),
		"many mappings":      strings.Repeat("- a:\n    b:\n      c: 1\n", 500),
		"long flow":          "[" + strings.Repeat("{a: [b]},", 500) + "]",
	} {
		if _, err := readManifests([]byte(text), defaultManifestLimits); err != nil {
			t.Errorf("%s: found %v, expected it to be read", name, err)
		}
	}
}

// cutSeeds are streams at the edges of cutting.
var cutSeeds = []string{
	"", "\n", "a", "a\n", "---", "---\n", "---\n---", "---\n---\n---\n", "a\n---", "a\n---\nb", "a\n--- # c\nb", "a\n---#c\nb", "a\n--- b\n", "---a\n", " ---\na", "a\n---\n\n---\nb\n",
	"a\r\n---\r\nb\r\n", "a\r", "a\r\n---\r", "a\n----\nb", "a\n---\t\nb", "|\n---\n", "\uFEFF---\na\n", "# c\n---\n# d\n---\n# e", "a\n...\nb", "\n\n---\n\n",
}

// sameCut holds our cutting against the one kubectl uses.
func sameCut(t *testing.T, text string) {
	t.Helper()
	var theirs []string
	reader := k8s.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	var theirErr error
	for {
		chunk, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			theirErr = err
			break
		}
		theirs = append(theirs, string(chunk))
	}
	documents, ourErr := cutYAML(text, 1, nil, defaultManifestLimits)
	if (ourErr == nil) != (theirErr == nil) {
		t.Fatalf("%q: found %v, kubectl's says %v", text, ourErr, theirErr)
	}
	if ourErr != nil {
		return
	}
	ours := []string{}
	for _, d := range documents {
		ours = append(ours, d.text)
	}
	if strings.Join(ours, "\x00") != strings.Join(theirs, "\x00") {
		t.Fatalf("%q: found %q, kubectl cuts %q", text, ours, theirs)
	}
}

func TestStreamsAreCutAsKubectlCutsThem(t *testing.T) {
	for _, text := range cutSeeds {
		sameCut(t, text)
		for _, other := range cutSeeds {
			sameCut(t, text+other)
			sameCut(t, text+"\n"+other)
		}
	}
}

func FuzzStreamsAreCutAsKubectlCutsThem(f *testing.F) {
	for _, text := range cutSeeds {
		f.Add(text)
	}
	f.Fuzz(sameCut)
}

// FuzzManifests looks for crashes, and for depth that the first look does not see.
func FuzzManifests(f *testing.F) {
	for _, text := range append(cutSeeds, jsonSeeds...) {
		f.Add(text)
	}
	for _, text := range []string{"a: &x [1]\nb: *x\n", "a: |\n  b\n c\n", "? - a\n  - b\n: c", "- - - a\n  - b", "a: 'b\n c'", "<<: {a: 1}", "!!set {a, b}", "%YAML 1.1\n---\na", "a: >2-\n   b\n", "{? a : b}"} {
		f.Add(text)
	}
	limits := manifestLimits{Bytes: 1 << 16, DocumentBytes: 1 << 16, Depth: 8, Aliases: 10, Nodes: 1000, Documents: 10}
	f.Fuzz(func(t *testing.T, text string) {
		documents, err := readManifests([]byte(text), limits)
		if err != nil && failureOf(err).Code != manifestError {
			t.Fatalf("%q: found %v, expected a manifest error", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "nesting deeper") {
			// Found on the tree: the first look may be short by one level in two, for lists that are
			// not indented and pairs in flow lists, and never by more.
			half := limits
			half.Depth = limits.Depth / 4
			var lookErr error
			cutUp, _ := cut(text, half)
			for _, d := range cutUp {
				if _, err := outlined(d.text, half, 0); err != nil {
					lookErr = err
				}
			}
			if lookErr == nil && len(cutUp) > 0 && strings.Count(text, "*") == 0 {
				t.Fatalf("%q: too deep (%v), but the first look saw less than a quarter of it", text, err)
			}
		}
		for _, d := range documents {
			_, _ = d.position("/a/0/b", limits)
		}
	})
}

func TestRealManifestsAreReadOrRefusedWithAPlace(t *testing.T) {
	refused := 0
	all := append(files(t, "manifests", ".yaml", ".yml", ".json"), files(t, "pss", ".yaml")...)
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readManifests(text, defaultManifestLimits); err != nil {
			refused++
			if p := failureOf(err).Problems[0]; p.Line == 0 || p.Caret == "" || !strings.Contains(p.Message, "already set in map") {
				t.Errorf("%s: found %+v, expected only duplicate keys to be refused", path, p)
			}
		}
	}
	if refused != 4 {
		t.Errorf("found %d of %d files refused, expected 4", refused, len(all))
	}
}

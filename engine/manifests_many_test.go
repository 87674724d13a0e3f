package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

func framed(texts ...string) []byte {
	var body []byte
	for _, text := range texts {
		body = append(binary.BigEndian.AppendUint32(body, uint32(len(text))), text...)
	}
	return body
}

type manyAnswer struct {
	Files []struct {
		Documents []struct {
			Index      int             `json:"index"`
			Line       int             `json:"line"`
			APIVersion *string         `json:"api_version"`
			Kind       *string         `json:"kind"`
			Value      json.RawMessage `json:"value"`
		} `json:"documents"`
		Positions []*nodePosition `json:"positions"`
		Error     *failure        `json:"error"`
	} `json:"files"`
}

func many(t *testing.T, header string, texts ...string) manyAnswer {
	t.Helper()
	s := newServer(nil, 1<<30)
	payload, err := s.manifestsMany(request{header: []byte(header), body: framed(texts...)})
	if err != nil {
		t.Fatal(err)
	}
	var answer manyAnswer
	if err := json.Unmarshal(payload, &answer); err != nil {
		t.Fatalf("%v in %s", err, payload)
	}
	return answer
}

func TestEachFileOfManyHasItsAnswer(t *testing.T) {
	found := many(t, `{"count":4}`, "kind: Pod\napiVersion: v1\n", "a: 1\na: 2\n", "", "\n# x\n\nkind: PodList\napiVersion: v1\nitems: []\n")
	if one := found.Files[0].Documents[0]; *one.Kind != "Pod" || *one.APIVersion != "v1" || one.Line != 1 {
		t.Errorf("found %+v, expected a Pod on line 1", one)
	}
	if found.Files[1].Error == nil || found.Files[1].Error.Problems[0].Line != 2 {
		t.Errorf("found %+v, expected the key that stands twice refused on line 2", found.Files[1].Error)
	}
	if len(found.Files[2].Documents) != 0 || found.Files[2].Error != nil {
		t.Errorf("found %+v, expected no documents", found.Files[2])
	}
	if one := found.Files[3].Documents[0]; one.Kind != nil || one.Line != 4 {
		t.Errorf("found %+v, expected a list that is not taken for one object, on line 4", one)
	}
}

func TestAPointerToNothingLeadsToItsNearestAncestor(t *testing.T) {
	for _, text := range []string{"a:\n  b: 1\n", "{\"a\":\n {\"b\": 1}}"} {
		found := many(t, `{"count":1,"pointers":[[{"document":0,"pointer":"/a/b"},{"document":0,"pointer":"/a/c/d"},{"document":7,"pointer":""}]]}`, text)
		places := found.Files[0].Positions
		if places[0].KeyLine != 2 || places[1].KeyLine != 1 || places[2] != nil {
			t.Errorf("%q: found %+v, expected lines 2 and 1 and nothing", text, places)
		}
	}
}

func TestPointersForAnotherNumberOfFilesAreRefused(t *testing.T) {
	_, err := newServer(nil, 1<<20).manifestsMany(request{header: []byte(`{"count":1,"pointers":[]}`), body: framed("a: 1")})
	if err == nil || failureOf(err).Code != badRequest {
		t.Errorf("found %v, expected a bad request", err)
	}
}

// What is read without its nodes must be what is read with them, or refused by both.
func TestPlainDocumentsAreReadAsWithTheirNodes(t *testing.T) {
	texts := slices.Concat(cutSeeds, jsonSeeds)
	for _, path := range slices.Concat(files(t, "manifests", ".yaml", ".yml"), files(t, "pss", ".yaml"), files(t, "gatekeeper-library", ".yaml")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	plain := 0
	for _, text := range texts {
		documents, err := readManifests([]byte(text), defaultManifestLimits)
		if err != nil {
			continue
		}
		for _, d := range documents {
			if d.isJSON || d.root != nil || !d.outline.isPlain {
				continue
			}
			plain++
			quickly, line := string(d.value), d.contentLine()
			if err := d.readNodes(defaultManifestLimits); err != nil {
				t.Errorf("%.60q: found %v with its nodes, expected it to be read as without", d.text, err)
				continue
			}
			if d.root != nil && (quickly != string(d.value) || line != d.contentLine()) {
				t.Errorf("%.60q: found line %d, with its nodes line %d", d.text, line, d.contentLine())
			}
		}
	}
	t.Logf("%d plain documents", plain)
}

func TestWhatReadersMayReadDifferentlyIsNotPlain(t *testing.T) {
	for _, text := range []string{
		"a: &x 1", "a: *x", "a: !!str 1", "<<: {a: 1}", "? a\n: b", "a: 1\n...\n", "%YAML 1.1\n---\na: 1", "1: a", "yes: a", "~: a",
		"a: {1: b}", "a: 1e3", "a: 12345678901234567890", "null: 1", "- {on: 1}", "a: 1\n--- \n", "[1]]", "{a: 1}\nb: 2", "  a: 1\nb: 2",
	} {
		found, err := outlined(text, defaultManifestLimits, 0)
		if err != nil || found.isPlain {
			t.Errorf("%q: found it plain (%v), expected its nodes to be read", text, err)
		}
	}
	for _, text := range []string{"a: 1", "---\na: b\n", "# c\nname: 'x: &y'\nargs: [\"*\", -v]\n", "a: |\n  *x &y !z\n", "port: 8080\nratio: 0.5\nyear: 2026"} {
		if found, err := outlined(text, defaultManifestLimits, 0); err != nil || !found.isPlain {
			t.Errorf("%q: found it not plain (%v), expected it to be", text, err)
		}
	}
}

func TestInputKeysAreWhatModulesLookAt(t *testing.T) {
	for text, expected := range map[string]string{
		"package a\np if input.x.y == input[\"z\"]":        "[x z]",
		"package a\np if input[k] == 1\nk := \"x\"":        "[]",
		"package a\np := input":                            "[]",
		"package a\np := walk(input)":                      "[]",
		"package a\np if { some x in input.objects; x }":   "[objects]",
		"package a\np if { y := input.a with input as 1 }": "[]",
	} {
		module := ast.MustParseModule(text)
		compiler := ast.NewCompiler()
		compiler.Compile(map[string]*ast.Module{"a": module})
		if compiler.Failed() {
			continue
		}
		keys := inputKeys(compiler.Modules)
		if fmt.Sprint(keys) != expected || (expected == "[]") != (keys == nil) {
			t.Errorf("%s: found %v, expected %s", strings.TrimPrefix(text, "package a\n"), keys, expected)
		}
	}
}

func TestALibraryThatNobodyUsesLooksAtNothing(t *testing.T) {
	for text, expected := range map[string]string{
		"package policy.a\np if input.x":                                         "[x]",
		"package policy.a\nimport data.lib.direct\np if direct.p":                "[direct]",
		"package policy.a\nimport data.lib.led\np if led.f(1)":                   "[direct]",
		"package policy.a\np if data.lib.direct.p":                               "[direct]",
		"package policy.a\np if { l := data.lib; l.other }":                      "[direct other]",
		"package policy.a\np if { some k; k == \"x\"; data.lib[k].p }":           "[direct other]",
		"package policy.a\np if { some k; data[k].other.p }":                     "[direct other]",
		"package policy.a\np if { input.x with data.lib.other.p as false }":      "[other x]",
		"package policy.a\np if { every k in [1] { data.lib.led.f(k) } }":        "[direct]",
		"package policy.a\np := {x | data.lib.direct.p; x := 1}":                 "[direct]",
		"package policy.a\np contains data.lib.direct.p":                         "[direct]",
		"package policy.a\ndefault p := false\np := data.lib.other.p if input.a": "[a other]",
	} {
		modules := map[string]*ast.Module{
			"a":      ast.MustParseModule(text),
			"direct": ast.MustParseModule("package lib.direct\np if input.direct"),
			"led":    ast.MustParseModule("package lib.led\nimport data.lib.direct\nf(_) if direct.p"),
			"other":  ast.MustParseModule("package lib.other\np if input.other"),
		}
		compiler := ast.NewCompiler()
		if compiler.Compile(modules); compiler.Failed() {
			t.Errorf("%s: found %v, expected it to compile", text, compiler.Errors)
			continue
		}
		if keys := inputKeys(compiler.Modules); fmt.Sprint(keys) != expected {
			t.Errorf("%s: found %v, expected %s", text, keys, expected)
		}
	}
}

// FuzzPlain looks for a document that is taken for plain and is read otherwise with its nodes.
func FuzzPlain(f *testing.F) {
	for _, text := range slices.Concat(cutSeeds, jsonSeeds, []string{"a: 1\nb: [x, {c: d}]\n", "a:\n- b\n- c: 'd'\n", "a: |\n  x\nb: \"y\"\n"}) {
		f.Add(text)
	}
	limits := manifestLimits{Bytes: 1 << 16, DocumentBytes: 1 << 16, Depth: 20, Aliases: 10, Nodes: 1000, Documents: 10}
	f.Fuzz(func(t *testing.T, text string) {
		documents, err := readManifests([]byte(text), limits)
		if err != nil {
			return
		}
		for _, d := range documents {
			if d.isJSON || d.root != nil || !d.outline.isPlain || len(d.value) == 0 || d.value[0] != '{' {
				continue
			}
			quickly := string(d.value)
			if err := d.readNodes(limits); err != nil || quickly != string(d.value) {
				t.Fatalf("%q: found %v with its nodes, expected %s as without", d.text, err, quickly)
			}
		}
	})
}

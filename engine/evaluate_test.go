package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const podModule = `# METADATA
# title: Pods
# custom:
#   scope: object
package policy.pods

# METADATA
# scope: document
# description: what is denied

# METADATA
# title: No latest
# authors: [{name: A}]
# related_resources: [{ref: "https://example.org/x"}]
# custom:
#   id: T-1
deny contains {"rule": "T-1", "message": sprintf("%s is latest", [c.name])} if {
	some c in input.object.spec.containers
	endswith(c.image, ":latest")
}

# METADATA
# title: No host network
deny contains {"rule": "T-2", "message": "host"} if input.object.spec.hostNetwork

default level := "low"

level := "high" if input.high

names[c.name] := c.image if some c in input.object.spec.containers

double(x) := x * 2
`

func TestCompileDescribesPackagesRulesAndAnnotations(t *testing.T) {
	c := inProcess(t)
	answer := c.done(opCompile, bundleOf("b", "pods.rego", podModule, "more.rego", "package policy.pods\nwarn contains 1 if input.w", "z.rego", `package policy["a-b"]
deny contains 1`), "")
	equalJSON(t, `[
	 {"path":"policy.pods","file":"pods.rego","annotations":{"scope":"package","title":"Pods","custom":{"scope":"object"},"file":"pods.rego","line":1},"rules":[
	  {"name":"warn","kind":"partial_set","default":false,"file":"more.rego","line":2,"annotations":[]},
	  {"name":"deny","kind":"partial_set","default":false,"file":"pods.rego","line":17,"annotations":[
	   {"scope":"document","description":"what is denied","file":"pods.rego","line":7},
	   {"scope":"rule","title":"No latest","authors":[{"name":"A"}],"related_resources":[{"ref":"https://example.org/x"}],"custom":{"id":"T-1"},"file":"pods.rego","line":11},
	   {"scope":"rule","title":"No host network","file":"pods.rego","line":22}]},
	  {"name":"level","kind":"complete","default":true,"file":"pods.rego","line":26,"annotations":[]},
	  {"name":"names","kind":"partial_object","default":false,"file":"pods.rego","line":30,"annotations":[]},
	  {"name":"double","kind":"function","default":false,"file":"pods.rego","line":32,"annotations":[]}]},
	 {"path":"policy[\"a-b\"]","file":"z.rego","annotations":null,"rules":[
	  {"name":"deny","kind":"partial_set","default":false,"file":"z.rego","line":2,"annotations":[]}]}]`, answer["packages"])
	equalJSON(t, `[]`, answer["warnings"])
}

func TestEvaluateAnswersEveryEntryPoint(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "pods.rego", podModule, "z.rego", "package policy[\"a-b\"]\ndeny contains 1"), "")
	input := `{"object":{"spec":{"hostNetwork":true,"containers":[{"name":"a","image":"x:latest"},{"name":"b","image":"y:1"}]}}}`
	answer := c.done(opEvaluate, asking("b", "policy.pods.deny", "policy.pods.level", []string{"policy", "a-b", "deny"}, "policy.pods.names"), input)
	equalJSON(t, `{"policy.pods.deny":[{"message":"a is latest","rule":"T-1"},{"message":"host","rule":"T-2"}],"policy.pods.level":"low","policy[\"a-b\"].deny":[1],"policy.pods.names":{"a":"x:latest","b":"y:1"}}`, answer["results"])
	equalJSON(t, `[]`, answer["builtin_errors"])
	if _, ok := answer["metrics"].(object)["eval_ns"].(float64); !ok {
		t.Errorf("found metrics %v", answer["metrics"])
	}
}

func TestAnOverlayReplacesMembersOfTheInput(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nsame := input"), "")
	header := asking("b", "a.same")
	header["input_overlay"] = object{"b": object{"z": 1}, "c": 3}
	equalJSON(t, `{"a.same":{"a":1,"b":{"z":1},"c":3}}`, c.done(opEvaluate, header, `{"a":1,"b":{"y":2}}`)["results"])
	c.refused(badRequest, opEvaluate, header, `[1]`)
	header["input_overlay"] = []int{1}
	c.refused(badRequest, opEvaluate, header, `{}`)
}

func TestUndefinedEntryPointsAreNamed(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx if input.x\ny := 1\ndefault z := 0\nz := 1 if input.x"), "")
	failed := c.refused(undefined, opEvaluate, asking("b", "a.x", "a.y", "a.nothing", "no.such.package", "a.z"), "{}")
	names := []string{}
	for _, p := range failed.Problems {
		names = append(names, p.Path)
	}
	equalJSON(t, `["a.x","a.nothing","no.such.package"]`, names)
	equalJSON(t, `{"a.z":0}`, c.done(opEvaluate, asking("b", "a.z"), "{}")["results"])
}

func TestEntryPointsAreNamesAndNothingElse(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := 1\nf(y) := y"), "")
	for _, entry := range []any{"", ".", "a.", "a..x", "a.x;true", `a["x"]`, "a.x\n", "a.x == 1", "1a", "é", 5, []string{}, []any{1}, nil} {
		c.refused(badRequest, opEvaluate, asking("b", entry), "{}")
	}
	c.refused(badRequest, opEvaluate, asking("b"), "{}")
	c.refused(undefined, opEvaluate, asking("b", []string{"a", `x"] == 1; data["a`}), "{}")
	c.refused(compileError, opEvaluate, asking("b", "a.f"), "{}")
	c.refused(bundleUnknown, opEvaluate, asking("other", "a.x"), "{}")
	header := asking("b", "a.x")
	delete(header, "now_ns")
	c.refused(badRequest, opEvaluate, header, "{}")
}

func TestInputThatIsNoJSONIsRefusedWithItsPlace(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := 1"), "")
	failed := c.refused(badRequest, opEvaluate, asking("b", "a.x"), "{\"é\": 1,\n \"é\": NaN}")
	if p := failed.Problems[0]; p.Line != 2 || p.Column != 7 || p.Caret != " \"é\": NaN}\n      ^" {
		t.Errorf("found %+v", p)
	}
}

func TestTimeAndChanceFollowFromTheHeader(t *testing.T) {
	module := `package a
all := [time.now_ns(), rand.intn("a", 1000000), rand.intn("b", 1000000), uuid.rfc4122("k"), time.date(time.now_ns())]`
	results := map[string]bool{}
	for range 3 {
		c := inProcess(t)
		c.done(opCompile, bundleOf("b", "a.rego", module), "")
		for range 2 {
			_, payload := c.call(opEvaluate, asking("b", "a.all"), "{}")
			text, _, _ := strings.Cut(string(payload), `,"metrics"`)
			results[text] = true
		}
	}
	if len(results) != 1 {
		t.Errorf("found %v, expected the same bytes each time", results)
	}
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", module), "")
	other := asking("b", "a.all")
	other["seed"], other["now_ns"] = "t", 5
	text := string(asJSON(c.done(opEvaluate, other, "{}")["results"]))
	if !strings.Contains(text, "[5,") || results[text] {
		t.Errorf("found %s, expected another time and chance", text)
	}
}

func TestErrorsOfBuiltinsAreStrictOrCollected(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\n\ndeny contains 1 if to_number(input.x) > 1\ndeny contains 2"), "")
	header := asking("b", "a.deny")
	answer := c.done(opEvaluate, header, `{"x":"é"}`)
	equalJSON(t, `{"a.deny":[2]}`, answer["results"])
	found := answer["builtin_errors"].([]any)[0].(object)
	if found["path"] != "a.rego" || found["line"] != 3.0 || found["column"] != 20.0 || !strings.Contains(found["message"].(string), "to_number") {
		t.Errorf("found %v", found)
	}
	header["strict_builtin_errors"] = true
	failed := c.refused(builtinError, opEvaluate, header, `{"x":"é"}`)
	if p := failed.Problems[0]; p.Line != 3 || p.Column != 20 || !strings.HasSuffix(p.Caret, "\n"+strings.Repeat(" ", 19)+"^") {
		t.Errorf("found %+v", p)
	}
}

func TestConflictsAndOtherErrorsOfEvaluation(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := input.a\nx := input.b\ny := {1: 2, \"1\": 3}"), "")
	failed := c.refused(conflict, opEvaluate, asking("b", "a.x"), `{"a":1,"b":2}`)
	if p := failed.Problems[0]; p.Path != "a.rego" || p.Line < 2 || p.Code != "eval_conflict_error" {
		t.Errorf("found %+v", p)
	}
	c.refused(evaluationError, opEvaluate, asking("b", "a.y"), `{}`)
}

func TestADeadlineEndsAnEvaluation(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", slowModule), "")
	header := asking("b", "slow.cubic")
	header["deadline_ms"] = 50
	c.refused(timedOut, opEvaluate, header, "{}")
	header["count"] = 3
	text := string(asJSON(c.done(opEvaluateMany, header, parted("{}", "{}", "{}", "{}"))))
	if strings.Count(text, `"code":"timeout"`) != 3 {
		t.Errorf("found %s, expected three timeouts", text)
	}
}

func TestTheDeadlineCountsWhileWaitingForASlot(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	s := newServer(there, 1<<20)
	go s.serve(there)
	c := &client{t: t, conn: here}
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := 1"), "")
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	header := asking("b", "a.x")
	header["deadline_ms"] = 20
	c.refused(timedOut, opEvaluate, header, "{}")
}

// parted is the body of evaluate_many.
func parted(texts ...string) string {
	var body []byte
	for _, text := range texts {
		body = append(binary.BigEndian.AppendUint32(body, uint32(len(text))), text...)
	}
	return string(body)
}

func TestManyInputsAreAnsweredInTheirOrder(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := [input.base, input.i]"), "")
	texts, expected := []string{`{"base":{"n":1},"i":"none"}`}, []string{}
	for i := range 500 {
		texts = append(texts, fmt.Sprintf(`{"i":%d}`, i))
		expected = append(expected, fmt.Sprintf(`{"results":{"a.x":[{"n":1},%d]},"builtin_errors":[]}`, i))
	}
	texts[101], expected[100] = `{"base":null}`, `{"results":{"a.x":[null,"none"]},"builtin_errors":[]}`
	header := asking("b", "a.x")
	header["count"] = 500
	answer := c.done(opEvaluateMany, header, parted(texts...))
	equalJSON(t, "["+strings.Join(expected, ",")+"]", answer["results"])

	header["count"] = 2
	answer = c.done(opEvaluateMany, header, parted(`{"base":1}`, `{"i":}`, `{"i":2}`))
	list := answer["results"].([]any)
	if code := list[0].(object)["error"].(object)["code"]; code != badRequest {
		t.Errorf("found %v, expected the error of the first document alone", list)
	}
	equalJSON(t, `{"results":{"a.x":[1,2]},"builtin_errors":[]}`, list[1])

	for _, body := range []string{"", "\x00", parted("{}"), parted("{}", "{}", "{}", "{}"), parted("{}", "{}") + "\xff\xff\xff\xff"} {
		c.refused(badRequest, opEvaluateMany, header, body)
	}
	header["count"] = 1 << 40
	c.refused(badRequest, opEvaluateMany, header, parted("{}"))
	delete(header, "count")
	c.refused(badRequest, opEvaluateMany, header, parted("{}"))
	header["count"] = 0
	equalJSON(t, `[]`, c.done(opEvaluateMany, header, parted("{}"))["results"])
}

func TestEveryCompileErrorIsReportedWithItsPlace(t *testing.T) {
	c := inProcess(t)
	var many strings.Builder
	many.WriteString("package b\n")
	for i := range 25 {
		fmt.Fprintf(&many, "r%d := nothing%d(1)\n", i, i)
	}
	failed := c.refused(compileError, opCompile, bundleOf("b", "a.rego", "package a\nx := 1", "b.rego", many.String()), "")
	if len(failed.Problems) != 25 {
		t.Fatalf("found %d problems, expected all 25", len(failed.Problems))
	}
	if p := failed.Problems[24]; p.Path != "b.rego" || p.Line != 26 || p.Column != 8 || p.Caret != "r24 := nothing24(1)\n       ^" {
		t.Errorf("found %+v", p)
	}
	failed = c.refused(compileError, opCompile, bundleOf("b", "a.rego", "package a\nx := {", "b.rego", "package b\n\tx := \"é\" = }"), "")
	if last := failed.Problems[len(failed.Problems)-1]; failed.Problems[0].Path != "a.rego" || last.Path != "b.rego" || last.Line != 2 || last.Column != 11 {
		t.Errorf("found %+v, expected the parse errors of both modules", failed.Problems)
	}
	long := "package a\nx := \"" + strings.Repeat("é", 300) + "\" + nothing(1)"
	failed = c.refused(compileError, opCompile, bundleOf("b", "a.rego", long), "")
	lines := strings.Split(failed.Problems[0].Caret, "\n")
	if p := failed.Problems[0]; p.Column != 311 || len([]rune(lines[0])) != caretWindow || []rune(lines[0])[strings.Index(lines[1], "^")] != 'n' {
		t.Errorf("found column %d and %q, expected the caret below the call", p.Column, lines)
	}
}

func TestWhatDoesNotMakeABundle(t *testing.T) {
	c := inProcess(t)
	c.refused(compileError, opCompile, bundleOf("b"), "")
	c.refused(badRequest, opCompile, bundleOf("", "a.rego", "package a"), "")
	c.refused(badRequest, opCompile, bundleOf("b", "a.rego", "package a", "a.rego", "package b"), "")
	c.refused(badRequest, opCompile, bundleOf("b", "a.rego", "package a"), "{}") // a body that nothing announced
	for key, value := range (object{"rego_version": "v3", "data": []int{1}, "allow_builtins_extra": []string{"http.send"}, "schemas": object{"input": 5}}) {
		header := bundleOf("b", "a.rego", "package a\nx := 1")
		header[key] = value
		if status, payload := c.call(opCompile, header, ""); status != 1 {
			t.Errorf("%s: found %s, expected a failure", key, payload)
		}
	}
	header := bundleOf("b", "a.rego", "package a.b\nx := 1")
	header["data"] = object{"a": object{"b": object{"x": 2}}}
	c.refused(compileError, opCompile, header, "")
	header["entrypoints"] = []string{"a.b.x"}
	delete(header, "data")
	c.done(opCompile, header, "")
}

func TestDataComesInTheHeaderOrTheBody(t *testing.T) {
	c := inProcess(t)
	header := bundleOf("b", "a.rego", "package a\nx := data.k")
	header["data"] = object{"k": []any{1.5, "é", nil}}
	c.done(opCompile, header, "")
	equalJSON(t, `{"a.x":[1.5,"é",null]}`, c.done(opEvaluate, asking("b", "a.x"), "{}")["results"])
	delete(header, "data")
	header["data_in_body"] = true
	c.done(opCompile, header, `{"k":{"deep":[1]}}`)
	equalJSON(t, `{"a.x":{"deep":[1]}}`, c.done(opEvaluate, asking("b", "a.x"), "{}")["results"])
	c.refused(badRequest, opCompile, header, `{"k":1,"k":2}`)
	// The failed compile left the bundle as it was.
	equalJSON(t, `{"a.x":{"deep":[1]}}`, c.done(opEvaluate, asking("b", "a.x"), "{}")["results"])
}

func TestModulesOfOnePackageMergeAndVersionZeroCompiles(t *testing.T) {
	c := inProcess(t)
	header := bundleOf("b", "a.rego", "package a\ndeny[x] { x := input.a }", "b.rego", "package a\ndeny[x] { x := input.b }")
	c.refused(compileError, opCompile, header, "")
	header["rego_version"] = "v0"
	c.done(opCompile, header, "")
	equalJSON(t, `{"a.deny":[1,2]}`, c.done(opEvaluate, asking("b", "a.deny"), `{"a":2,"b":1}`)["results"])
}

func TestADeprecatedBuiltinIsAWarning(t *testing.T) {
	c := inProcess(t)
	header := bundleOf("b", "a.rego", "package a\nx { any([true]) }")
	header["rego_version"] = "v0"
	warnings := c.done(opCompile, header, "")["warnings"].([]any)
	if len(warnings) != 1 || warnings[0].(object)["line"] != 2.0 {
		t.Errorf("found %v", warnings)
	}
	c.refused(compileError, opCompile, bundleOf("b", "a.rego", "package a\nx if any([true])"), "")
}

func TestStrictModeAndSchemasRefuseMore(t *testing.T) {
	c := inProcess(t)
	header := bundleOf("b", "a.rego", "package a\nx if { y := 1; input.known == 1 }")
	c.done(opCompile, header, "")
	header["strict"] = true
	c.refused(compileError, opCompile, header, "") // y is not used

	header = bundleOf("b", "a.rego", "package a\n\nx if input.objekt")
	c.done(opCompile, header, "")
	header["schemas"] = object{"input": object{"type": "object", "properties": object{"object": object{}}, "additionalProperties": false}}
	failed := c.refused(compileError, opCompile, header, "")
	if p := failed.Problems[0]; p.Line != 3 || p.Code != "rego_type_error" || !strings.Contains(p.Message, "objekt") {
		t.Errorf("found %+v", p)
	}
}

func TestRemovedBuiltinsAreRefusedWhereverTheyStand(t *testing.T) {
	c := inProcess(t)
	for _, name := range removedBuiltins {
		for _, body := range []string{
			"x := %s(input)",
			"x if count([1]) == 1 with count as %s",
			"x if { 1 == 1 with %s as f }\nf(y) := y",
			"x := [y | some z in [1]; y := %s(z)]",
			"f(y) := 1 if { not %s(y) }",
			"x := $\"{%s(1)}\"",
			"x := y if { y := true } else := %s(1)",
		} {
			module := "package a\n" + fmt.Sprintf(body, name)
			failed := c.refused(builtinNotAllowed, opCompile, bundleOf("b", "a.rego", module), "")
			if p := failed.Problems[0]; p.Path != "a.rego" || p.Line != 2 || !strings.Contains(p.Message, name) || p.Column != strings.Index(fmt.Sprintf(body, name), name)+1 {
				t.Errorf("%s: found %+v", module, p)
			}
			c.refused(builtinNotAllowed, opTest, object{"modules": []moduleText{{"a.rego", module}}}, "")
		}
	}
	// The same words where they are no built-ins.
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := http.send if { http := {\"send\": 1} }\ny := \"http.send\"", "h.rego", "package http\nsend(x) := x", "i.rego", "package i\nimport data.http\nz := http.send(1)"), "")
	equalJSON(t, `{"a.x":1,"i.z":1}`, c.done(opEvaluate, asking("b", "a.x", "i.z"), "{}")["results"])
}

func TestPrintIsAllowedAndDiscarded(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := 1 if print(input)"), "")
	equalJSON(t, `{"a.x":1}`, c.done(opEvaluate, asking("b", "a.x"), "{}")["results"])
}

// TestSchemasReachNeitherNetworkNorFiles runs in this process, where the kernel would let it.
func TestSchemasReachNeitherNetworkNorFiles(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	connected := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connected <- struct{}{}
			conn.Close()
		}
	}()
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", `package a
match := json.match_schema(input.document, input.schema)
verify := json.verify_schema(input.schema)`), "")
	for _, reference := range []string{"http://" + listener.Addr().String() + "/x", "file://" + file, "FILE://" + file, "file:" + file} {
		for _, schema := range []any{
			object{"$ref": reference},
			object{"properties": object{"a": object{"$ref": reference}}},
			object{"$id": reference, "$ref": "other"},
			string(asJSON(object{"$ref": reference})),
			string(asJSON(object{"$ref": reference})) + " x",
			strings.Replace(string(asJSON(object{"$ref": reference})), "f", `\u0066`, 1),
		} {
			input := string(asJSON(object{"document": object{"a": 1}, "schema": schema}))
			for _, entry := range []string{"a.match", "a.verify"} {
				status, payload := c.call(opEvaluate, asking("b", entry), input)
				if text := string(payload); status == 0 && !strings.Contains(text, `[false,`) {
					t.Errorf("%s of %s: found %s, expected an error or false", entry, input, text)
				}
			}
			if status, payload := c.call(opCompile, object{"bundle": "c", "modules": []moduleText{{"a.rego", "package a\nx := input.a"}}, "schemas": object{"input": schema}}, ""); status == 0 {
				t.Errorf("schema %s: found %s, expected a failure", asJSON(schema), payload)
			}
		}
		annotated := "# METADATA\n# scope: package\n# schemas:\n#   - input: {\"$ref\": \"" + reference + "\"}\npackage a\nx := input.a"
		if status, payload := c.call(opCompile, object{"bundle": "c", "modules": []moduleText{{"a.rego", annotated}}, "schemas": object{"other": object{}}}, ""); status == 0 {
			t.Errorf("annotation %s: found %s, expected a failure", reference, payload)
		}
	}
	if len(connected) > 0 {
		t.Errorf("found %d connections, expected none", len(connected))
	}
	// What needs neither still works.
	input := `{"document":{"a":1},"schema":{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"$ref":"#/definitions/n"}},"definitions":{"n":{"type":"integer"}}}}`
	equalJSON(t, `{"a.match":[true,[]],"a.verify":[true,null]}`, c.done(opEvaluate, asking("b", "a.match", "a.verify"), input)["results"])
}

func TestABundleIsReplacedAtOnceAndDropped(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := 1"), "")
	equalJSON(t, `{"a.x":1}`, c.done(opEvaluate, asking("b", "a.x"), "{}")["results"])
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nx := 2"), "")
	equalJSON(t, `{"a.x":2}`, c.done(opEvaluate, asking("b", "a.x"), "{}")["results"])
	equalJSON(t, `{}`, c.done(opDrop, object{"bundle": "b"}, ""))
	c.refused(bundleUnknown, opEvaluate, asking("b", "a.x"), "{}")
	c.refused(bundleUnknown, opDrop, object{"bundle": "b"}, "")
}

// TestConcurrentUse is for the race detector: evaluations, swaps and shared documents together.
func TestConcurrentUse(t *testing.T) {
	s := newServer(nil, 1<<20)
	compile := func(i int) error {
		header := bundleOf("b", "a.rego", fmt.Sprintf("package a\nx := [%d, {k | some k, _ in input.base}, data.d]\n%s", i, podModule[strings.Index(podModule, "default"):]))
		header["data"] = object{"d": object{"z": 1, "a": []int{i}}}
		_, err := s.compile(request{header: asJSON(header)})
		return err
	}
	if err := compile(0); err != nil {
		t.Fatal(err)
	}
	var working sync.WaitGroup
	for worker := range 4 {
		working.Go(func() {
			for i := range 20 {
				if worker == 0 {
					if err := compile(i); err != nil {
						t.Error(err)
					}
					continue
				}
				header := asking("b", "a.x", "a.level")
				header["count"] = 8
				overlays := []string{`{"base":{"z":1,"y":2,"x":3}}`}
				for range 8 {
					overlays = append(overlays, `{"i":1}`)
				}
				payload, err := s.evaluateMany(request{header: asJSON(header), body: []byte(parted(overlays...))})()
				if err != nil || strings.Contains(string(payload), "error\"") {
					t.Errorf("found %s (%v)", payload, err)
				}
			}
		})
	}
	working.Wait()
}

// BenchmarkEvaluate is the work of one admission review, from bytes to bytes.
func BenchmarkEvaluate(b *testing.B) {
	s := newServer(nil, 1<<30)
	if _, err := s.compile(request{header: asJSON(bundleOf("b", "pods.rego", podModule))}); err != nil {
		b.Fatal(err)
	}
	input := reviewBytes(b)
	header := asJSON(asking("b", "policy.pods.deny"))
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.evaluate(request{header: header, body: input})(); err != nil {
				b.Error(err)
			}
		}
	})
}

// reviewBytes is an admission review of about 5 KB.
func reviewBytes(b *testing.B) []byte {
	containers := []object{}
	for i := range 6 {
		containers = append(containers, object{
			"name": fmt.Sprintf("c%d", i), "image": fmt.Sprintf("registry.example/team/app-%d:1.%d", i, i),
			"env":             []object{{"name": "A", "value": "1"}, {"name": "B", "valueFrom": object{"secretKeyRef": object{"name": "s", "key": "k"}}}},
			"resources":       object{"limits": object{"cpu": "500m", "memory": "128Mi"}, "requests": object{"cpu": "100m", "memory": "64Mi"}},
			"securityContext": object{"runAsNonRoot": true, "allowPrivilegeEscalation": false, "capabilities": object{"drop": []string{"ALL"}}},
			"volumeMounts":    []object{{"name": "v", "mountPath": "/data", "readOnly": true}},
			"livenessProbe":   object{"httpGet": object{"path": "/healthz", "port": 8080}, "periodSeconds": 10},
		})
	}
	labels := object{}
	for i := range 12 {
		labels[fmt.Sprintf("app.kubernetes.io/label-%d", i)] = strings.Repeat("v", 20)
	}
	text, err := json.Marshal(object{"object": object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "web", "namespace": "prod", "labels": labels, "annotations": labels},
		"spec": object{"serviceAccountName": "web", "containers": containers},
	}})
	if err != nil {
		b.Fatal(err)
	}
	return text
}

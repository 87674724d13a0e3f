package main

import (
	"strings"
	"testing"
)

const testedModule = "package policy.a\n\ndeny contains 1 if input.x > 1\n\nnever if input.y\n"

const testModule = `package policy.a_test

import data.policy.a

test_fires if {
	print("looked at", a.deny)
	count(a.deny) == 1 with input as {"x": 3}
}

test_wrong if count(a.deny) == 2 with input as {"x": 3}

test_cases[name] if {
	some name, x in {"one": 1, "two": 2}
	count(a.deny) == 1 with input as {"x": x}
}

test_conflict if {k: v | some v in [1, 2]; k := "a"}

todo_test_later if false

test_time if time.now_ns() == 77

test_slow if data.slow.cubic > 0
`

func testOf(modules ...string) object {
	header := bundleOf("", modules...)
	delete(header, "bundle")
	return header
}

func TestTheTesterReportsEachOutcome(t *testing.T) {
	c := inProcess(t)
	header := testOf("a.rego", testedModule, "a_test.rego", testModule, "slow.rego", slowModule)
	header["timeout_ms"], header["now_ns"], header["coverage"] = 200, 77, true
	answer := c.done(opTest, header, "")
	outcomes := object{}
	for _, each := range answer["tests"].([]any) {
		test := each.(object)
		outcomes[test["name"].(string)] = []any{test["outcome"], test["package"], test["file"], test["line"], test["message"], test["output"]}
	}
	equalJSON(t, `{
	 "test_fires":["pass","policy.a_test","a_test.rego",5,"","looked at set()\n"],
	 "test_wrong":["fail","policy.a_test","a_test.rego",10,"expected true, found it false or undefined",""],
	 "test_cases":["fail","policy.a_test","a_test.rego",12,"expected every case to be true, found these false or undefined: one",""],
	 "test_conflict":["error","policy.a_test","a_test.rego",17,"a_test.rego:17:19: object keys must be unique",""],
	 "todo_test_later":["skip","policy.a_test","a_test.rego",19,"",""],
	 "test_time":["pass","policy.a_test","a_test.rego",21,"",""],
	 "test_slow":["error","policy.a_test","a_test.rego",23,"found it unfinished after 200ms, expected a result by then",""]}`, outcomes)
	equalJSON(t, `{"covered":[3],"not_covered":[5],"covered_percent":50}`, answer["coverage"].(object)["files"].(object)["a.rego"])
}

func TestTheTesterRunsWhatIsAskedForAndTraces(t *testing.T) {
	c := inProcess(t)
	header := testOf("a.rego", testedModule, "a_test.rego", strings.Replace(testModule, "test_slow if data.slow.cubic > 0", "", 1))
	header["run"], header["trace"] = "wrong|fires", true
	answer := c.done(opTest, header, "")
	tests := answer["tests"].([]any)
	if len(tests) != 2 || answer["coverage"] != nil {
		t.Fatalf("found %v", answer)
	}
	if trace, _ := tests[1].(object)["trace"].(string); !strings.Contains(trace, "Fail") || tests[0].(object)["trace"] != nil {
		t.Errorf("found %v, expected a trace of the failed test alone", tests)
	}
	header["coverage"] = true
	c.refused(badRequest, opTest, header, "")
	delete(header, "coverage")
	header["run"] = "("
	c.refused(badRequest, opTest, header, "")
	c.refused(compileError, opTest, testOf("a.rego", "package a\ntest_x if nothing(1)"), "")
	equalJSON(t, `[]`, c.done(opTest, testOf("a.rego", testedModule), "")["tests"])
}

func TestFormatting(t *testing.T) {
	c := inProcess(t)
	equalJSON(t, `{"text":"package a\n\nx if {\n\ty := 1 # c\n\ty == 1\n}\n"}`, c.done(opFormat, object{}, "package a\nx   if {\n y := 1 # c\n y == 1 }"))
	equalJSON(t, `{"text":"package a\n\nx {\n\tinput.y\n}\n"}`, c.done(opFormat, object{"rego_version": "v0"}, "package a\nx { input.y }"))
	failed := c.refused(compileError, opFormat, object{"path": "p.rego"}, "package a\nx iff y")
	if failed.Problems[0].Path != "p.rego" || failed.Problems[0].Line != 2 {
		t.Errorf("found %+v", failed.Problems)
	}
}

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func conftestBundle(t *testing.T, s *server, rule, files string) error {
	t.Helper()
	header := map[string]any{
		"bundle":               "b",
		"modules":              []map[string]string{{"path": "policy/a.rego", "text": "package main\n" + rule}},
		"allow_builtins_extra": []string{parseConfig, parseConfigFile, parseCombined},
	}
	if files != "" {
		header["files"] = json.RawMessage(files)
	}
	_, err := s.compile(request{header: encoded(header)})
	return err
}

func said(t *testing.T, rule, files string) (string, error) {
	t.Helper()
	s := newServer(nil, 1<<30)
	if err := conftestBundle(t, s, rule, files); err != nil {
		t.Fatal(err)
	}
	answer, err := s.evaluate(request{header: []byte(`{"bundle":"b","entrypoints":["main.x"],"now_ns":1}`), body: []byte("{}")})()
	return string(answer), err
}

func TestATextIsParsedWhileARuleRuns(t *testing.T) {
	for rule, expected := range map[string]string{
		`x := parse_config("yaml", "a: [1]")`:               `"main.x":{"a":[1]}`,
		`x := parse_config("yaml", "a: 1\n---\nb: 2")`:      `"main.x":[{"a":1},{"b":2}]`,
		`x := parse_config("json", "{\"a\": null}")`:        `"main.x":{"a":null}`,
		`x := parse_config("toml", "[a]\nb = 1")`:           `"main.x":{"a":{"b":1}}`,
		`x := parse_config("hcl2", "r \"a\" {\n b = 1\n}")`: `"main.x":{"r":{"a":[{"b":1}]}}`,
	} {
		if answer, err := said(t, rule, ""); err != nil || !strings.Contains(answer, expected) {
			t.Errorf("%s: found %s (%v), expected %s", rule, answer, err, expected)
		}
	}
}

// A built-in error would only leave the rule out: nothing would be denied.
func TestWhatCannotBeParsedEndsTheEvaluation(t *testing.T) {
	for _, rule := range []string{
		`x := parse_config("cue", "a: 1")`, `x := parse_config("yaml", "a: [")`, `x := parse_config("yaml", "a: 1\na: 2")`, `x := parse_config("json", "{")`,
		`x := parse_config("toml", "a =")`, `x := parse_config("hcl2", "a {")`, `x := parse_config_file("absent.yaml")`,
		`x := parse_config("toml", concat("", ["a = ", concat("", ["[" | some _ in numbers.range(1, 5000)])]))`,
		"x := y if { y := parse_config(\"yaml\", \"a: [\") } else := 1",
		`x := parse_combined_config_files(["absent.yaml"])`, `x := parse_config_file("../../etc/passwd")`,
	} {
		if answer, err := said(t, rule, ""); err == nil {
			t.Errorf("%s: found %s, expected an error", rule, answer)
		}
	}
}

func TestFilesAreThoseThatWereHandedOver(t *testing.T) {
	files := `[{"path":"policy/b.yaml","value":{"b":2}},{"path":"c.json","value":[3]}]`
	for rule, expected := range map[string]string{
		`x := parse_config_file("b.yaml")`:                          `"main.x":{"b":2}`,
		`x := parse_config_file("../c.json")`:                       `"main.x":[3]`,
		`x := parse_combined_config_files(["b.yaml", "../c.json"])`: `"main.x":[{"contents":{"b":2},"path":"policy/b.yaml"},{"contents":[3],"path":"c.json"}]`,
		"f := \"b.yaml\"\nx := parse_config_file(f)":                `"main.x":{"b":2}`,
		"x := parse_config_file(n) if { some n in [\"./b.yaml\"] }": `"main.x":{"b":2}`,
	} {
		if answer, err := said(t, rule, files); err != nil || !strings.Contains(answer, expected) {
			t.Errorf("%s: found %s (%v), expected %s", rule, answer, err, expected)
		}
	}
}

func TestOtherBundlesHaveNoneOfIt(t *testing.T) {
	s := newServer(nil, 1<<30)
	if err := conftestBundle(t, s, `x := parse_config("json", "1")`, ""); err != nil {
		t.Fatal(err)
	}
	header := `{"bundle":"c","modules":[{"path":"a.rego","text":"package a\nx := parse_config(\"json\", \"1\")"}]}`
	if _, err := s.compile(request{header: []byte(header)}); err == nil {
		t.Error("found it compiled, expected an undefined function")
	}
	header = `{"bundle":"d","modules":[{"path":"a.rego","text":"package a\nx := 1"}],"allow_builtins_extra":["http.send"]}`
	if _, err := s.compile(request{header: []byte(header)}); err == nil || failureOf(err).Code != badRequest {
		t.Errorf("found %v, expected a bad request", err)
	}
}

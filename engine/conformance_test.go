package main

// OPA's own cases through our operations: what judges here must be OPA, whole.

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/test/cases"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"
)

// refusedCases are the cases that need a removed built-in, by the first word of their notes.
var refusedCases = map[string]int{"cryptox509parseandverifycertificates": 2, "invalidkeyerror": 2, "net.lookup_ip_addr": 3, "withkeyword": 3}

// differingCases are those where we mean to differ, and why.
var differingCases = map[string]string{
	"baseandvirtualdocs/base/virtual: conflicts": "a rule in the place of data is refused at load",
	"time/time caching":                          "test.sleep exists only in OPA's own tests",
}

// throughEvaluate is how many cases ask for one document and have an input that is JSON, so that
// they go through `evaluate` from bytes to bytes. The others' queries only OPA's API can ask, of the
// bundle we compiled.
var throughEvaluate = map[string]int{"v0": 1941, "v1": 2273}

func TestOPAConformance(t *testing.T) {
	for _, version := range []string{"v0", "v1"} {
		t.Run(version, func(t *testing.T) {
			files(t, filepath.Join("opa-conformance", version), ".yaml") // skips or fails without the data
			all := cases.MustLoad(filepath.Join(testData(), "opa-conformance", version)).Sorted().Cases
			var mu sync.Mutex
			refused, differing, evaluated := map[string]int{}, map[string]string{}, 0
			var working sync.WaitGroup
			next := make(chan cases.TestCase)
			for range 4 {
				working.Go(func() {
					for c := range next {
						how, err := conforms(c, version)
						mu.Lock()
						switch {
						case err != nil && differingCases[c.Note] != "":
							differing[c.Note] = differingCases[c.Note]
						case err != nil:
							t.Errorf("%s (%s): %v", c.Note, filepath.Base(c.Filename), err)
						case how == "refused":
							refused[strings.Split(c.Note, "/")[0]]++
						case how == "evaluate":
							evaluated++
						}
						mu.Unlock()
					}
				})
			}
			for _, c := range all {
				next <- c
			}
			close(next)
			working.Wait()
			if !maps.Equal(refusedCases, refused) {
				t.Errorf("refused cases: found %v, expected %v", refused, refusedCases)
			}
			if !maps.Equal(differingCases, differing) {
				t.Errorf("differing cases: found %v, expected %v", differing, differingCases)
			}
			if throughEvaluate[version] != evaluated {
				t.Errorf("cases through `evaluate`: found %d, expected %d", evaluated, throughEvaluate[version])
			}
			t.Logf("%d cases, %d through evaluate, refused %v, differing %v", len(all), evaluated, refused, differing)
		})
	}
}

// documentQuery is the query of most cases: one document bound to one variable.
var documentQuery = regexp.MustCompile(`^data((?:\.[a-zA-Z_][a-zA-Z0-9_]*)+) = ([a-z])$`)

// conforms runs one case and says how it could be run.
func conforms(c cases.TestCase, version string) (string, error) {
	s := newServer(nil, 1<<30)
	modules := []moduleText{}
	for i, text := range c.Modules {
		modules = append(modules, moduleText{fmt.Sprintf("test-%d.rego", i), text})
	}
	if len(modules) == 0 {
		modules = append(modules, moduleText{"empty.rego", "package nothing_here"})
	}
	header := map[string]any{"bundle": "case", "modules": modules, "rego_version": version}
	if c.Data != nil {
		header["data"] = *c.Data
	}
	if _, err := s.compile(request{header: asJSON(header)}); err != nil {
		failed := failureOf(err)
		if failed.Code == builtinNotAllowed {
			return "refused", nil
		}
		return "", fmt.Errorf("does not compile: %s", failed.Message)
	}
	if parts := documentQuery.FindStringSubmatch(c.Query); parts != nil {
		if input, ok := inputBytes(c); ok {
			return "evaluate", conformsInEvaluate(s, c, input, parts[1][1:], parts[2])
		}
	}
	return "query", conformsInQuery(s, c)
}

// inputBytes is the input as JSON, if that can say what the case means: `evaluate` has no way to
// leave the input undefined.
func inputBytes(c cases.TestCase) ([]byte, bool) {
	switch {
	case c.InputTerm != nil:
		return []byte(*c.InputTerm), json.Valid([]byte(*c.InputTerm))
	case c.Input != nil:
		return asJSON(*c.Input), true
	default:
		return []byte("{}"), !strings.Contains(strings.Join(c.Modules, ""), "input")
	}
}

func conformsInEvaluate(s *server, c cases.TestCase, input []byte, entry, variable string) error {
	header := map[string]any{"bundle": "case", "entrypoints": []any{strings.Split(entry, ".")}, "now_ns": time.Now().UnixNano(), "strict_builtin_errors": c.StrictError}
	payload, err := s.evaluate(request{header: asJSON(header), body: input})()
	if c.WantError != nil || c.WantErrorCode != nil {
		if err == nil {
			return fmt.Errorf("found %s, expected an error", payload)
		}
		return wantedError(c, failureOf(err).Problems[0].Code, failureOf(err).Problems[0].Message)
	}
	got := []map[string]any{}
	if err == nil {
		var answer struct {
			Results map[string]any `json:"results"`
		}
		if err := util.UnmarshalJSON(payload, &answer); err != nil {
			return err
		}
		for _, value := range answer.Results {
			got = append(got, map[string]any{variable: value})
		}
	} else if failureOf(err).Code != undefined {
		return err
	}
	return wantedResult(c, got)
}

func conformsInQuery(s *server, c cases.TestCase) error {
	b, err := s.bundles.find("case")
	if err != nil {
		return err
	}
	query, err := rego.New(
		rego.Query(c.Query),
		rego.Compiler(b.compiler),
		rego.Store(b.store),
		rego.Capabilities(b.compiler.Capabilities()),
		rego.StrictBuiltinErrors(c.StrictError),
	).PrepareForEval(context.Background())
	if err != nil {
		return err
	}
	options := []rego.EvalOption{
		rego.EvalTime(time.Now()),
		rego.EvalSeed(&seedStream{seed: sha256.Sum256(nil)}),
		rego.EvalSortSets(true),
	}
	switch {
	case c.InputTerm != nil:
		term, err := ast.ParseTerm(*c.InputTerm)
		if err != nil {
			return err
		}
		options = append(options, rego.EvalParsedInput(term.Value))
	case c.Input != nil:
		input, err := readValue(asJSON(*c.Input))
		if err != nil {
			return err
		}
		options = append(options, rego.EvalParsedInput(input))
	}
	results, err := query.Eval(context.Background(), options...)
	if c.WantError != nil || c.WantErrorCode != nil {
		if err == nil {
			return fmt.Errorf("found %v, expected an error", results)
		}
		var evaluation *topdown.Error
		if e, ok := err.(*topdown.Error); ok {
			evaluation = e
		} else {
			return err
		}
		return wantedError(c, evaluation.Code, evaluation.Message)
	}
	if err != nil {
		return err
	}
	got := []map[string]any{}
	for _, result := range results {
		got = append(got, result.Bindings)
	}
	return wantedResult(c, got)
}

func wantedError(c cases.TestCase, code, message string) error {
	if c.WantErrorCode != nil && *c.WantErrorCode != code {
		return fmt.Errorf("found error %s (%s), expected %s", code, message, *c.WantErrorCode)
	}
	if whole := code + ": " + message; c.WantError != nil && !strings.Contains(whole, strings.TrimPrefix(*c.WantError, "test-0.rego:")) {
		// Some texts name the place first; the code and message come after it.
		if _, after, ok := strings.Cut(*c.WantError, ": "); !ok || !strings.Contains(whole, after) {
			return fmt.Errorf("found %s, expected %s", whole, *c.WantError)
		}
	}
	return nil
}

func wantedResult(c cases.TestCase, got []map[string]any) error {
	if c.WantResult == nil {
		return nil
	}
	comparable := func(list []map[string]any) *ast.Array {
		set := ast.NewSet()
		for _, bindings := range list {
			for _, value := range bindings {
				if values, ok := value.([]any); ok && c.SortBindings {
					slices.SortFunc(values, util.Compare)
				}
			}
			set.Add(ast.NewTerm(ast.MustInterfaceToValue(bindings)))
		}
		return set.Sorted()
	}
	var want []map[string]any
	if err := util.UnmarshalJSON(asJSON(*c.WantResult), &want); err != nil {
		return err
	}
	if expected, actual := comparable(want), comparable(got); expected.Compare(actual) != 0 {
		return fmt.Errorf("found %v, expected %v", actual, expected)
	}
	return nil
}

func asJSON(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

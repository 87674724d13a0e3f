package main

// OPA's own tester, coverage and formatter, with the same compiler that judges.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
)

type testAnswer struct {
	Tests    []testResult  `json:"tests"`
	Coverage *coverageInfo `json:"coverage"`
}

type testResult struct {
	Package    string `json:"package"`
	Name       string `json:"name"`
	File       string `json:"file"`
	Line       int    `json:"line"`
	Outcome    string `json:"outcome"`
	DurationNs int64  `json:"duration_ns"`
	Message    string `json:"message"`
	Output     string `json:"output"`
	Trace      string `json:"trace,omitempty"`
}

type coverageInfo struct {
	Percent float64                 `json:"covered_percent"`
	Files   map[string]fileCoverage `json:"files"`
}

type fileCoverage struct {
	Covered    []int   `json:"covered"`
	NotCovered []int   `json:"not_covered"`
	Percent    float64 `json:"covered_percent"`
}

const (
	defaultTestTimeout = 5 * time.Second
	traceLimitBytes    = 64 << 10
)

// test answers with the outcome of each test rule of the modules.
func (s *server) test(r request) ([]byte, error) {
	var header struct {
		Modules     []module        `json:"modules"`
		Data        json.RawMessage `json:"data"`
		RegoVersion string          `json:"rego_version"`
		Run         string          `json:"run"`
		TimeoutMs   int64           `json:"timeout_ms"`
		Coverage    bool            `json:"coverage"`
		Trace       bool            `json:"trace"`
		NowNs       *int64          `json:"now_ns"`
	}
	if err := decodeHeader(r.header, &header); err != nil {
		return nil, err
	}
	if _, err := regexp.Compile(header.Run); err != nil {
		return nil, fail(badRequest, "header: run: "+err.Error())
	}
	if header.Coverage && header.Trace {
		return nil, fail(badRequest, "header: found coverage and trace, expected one of them: OPA's tester does one at a time")
	}
	modules, texts, regoVersion, err := parseModules(header.Modules, header.RegoVersion)
	if err != nil {
		return nil, err
	}
	store, err := storeOf(header.Data)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if header.NowNs != nil {
		ctx = context.WithValue(ctx, testTime{}, *header.NowNs)
	}
	transaction, err := store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Abort(ctx, transaction)

	var forbidden []problem
	compiler := newCompiler(regoVersion, texts, &forbidden).
		WithEnablePrintStatements(true).
		WithPathConflictsCheck(storage.NonEmpty(ctx, store, transaction))
	timeout := defaultTestTimeout
	if header.TimeoutMs > 0 {
		timeout = time.Duration(header.TimeoutMs) * time.Millisecond
	}
	runner := tester.NewRunner().
		SetCompiler(compiler).
		SetStore(store).
		SetModules(modules).
		Filter(header.Run).
		SetTimeout(timeout).
		CapturePrintOutput(true).
		EnableTracing(header.Trace)
	coverage := cover.New()
	if header.Coverage {
		// The further passes only sort what was not covered into kinds.
		runner.SetCoverageQueryTracer(coverage).SetCoverageRuns(nil)
	}
	results, err := runner.RunTests(ctx, transaction)
	if failed := compileFailure(compiler.Errors, forbidden, texts); failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, err
	}
	answer := testAnswer{Tests: []testResult{}}
	for result := range results {
		answer.Tests = append(answer.Tests, resultOf(result, texts, timeout, header.Trace))
	}
	slices.SortFunc(answer.Tests, func(a, b testResult) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	if header.Coverage {
		answer.Coverage = coverageOf(coverage.Report(modules))
	}
	return encoded(answer), nil
}

func resultOf(result *tester.Result, texts sources, timeout time.Duration, traced bool) testResult {
	out := testResult{
		Package:    strings.TrimPrefix(result.Package, "data."),
		Name:       result.Name,
		File:       result.Location.File,
		Line:       result.Location.Row,
		DurationNs: result.Duration.Nanoseconds(),
		Output:     string(result.Output),
	}
	switch {
	case result.Skip:
		out.Outcome = "skip"
	case result.Error != nil:
		out.Outcome, out.Message = "error", texts.evaluationFailure(result.Error).Message
		if topdown.IsCancel(result.Error) {
			out.Message = fmt.Sprintf("found it unfinished after %s, expected a result by then", timeout)
		}
	case result.Fail:
		out.Outcome, out.Message = "fail", "expected true, found it false or undefined"
		var cases []string
		for names, sub := range result.SubResults.Iter {
			if sub.Fail && len(sub.SubResults) == 0 {
				cases = append(cases, path.Join(names...))
			}
		}
		if len(cases) > 0 {
			out.Message = "expected every case to be true, found these false or undefined: " + strings.Join(cases, ", ")
		}
	default:
		out.Outcome = "pass"
	}
	if traced && out.Outcome != "pass" {
		var text strings.Builder
		topdown.PrettyTraceWithLocation(&text, result.Trace)
		out.Trace = text.String()
		if len(out.Trace) > traceLimitBytes {
			out.Trace = out.Trace[:traceLimitBytes] + "\n(cut)\n"
		}
	}
	return out
}

func coverageOf(report cover.Report) *coverageInfo {
	info := &coverageInfo{Percent: report.Coverage, Files: map[string]fileCoverage{}}
	for file, found := range report.Files {
		info.Files[file] = fileCoverage{linesOf(found.Covered), linesOf(found.NotCovered), found.Coverage}
	}
	return info
}

func linesOf(ranges []cover.Range) []int {
	lines := []int{}
	for _, each := range ranges {
		for line := each.Start.Row; line <= each.End.Row; line++ {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// testTime is the key of the time of a test run. OPA's tester can be given none, so the built-in
// looks for it; evaluations have theirs from rego.EvalTime.
type testTime struct{}

func init() {
	wallClock := topdown.GetBuiltin(ast.NowNanos.Name)
	topdown.RegisterBuiltinFunc(ast.NowNanos.Name, func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		if now, ok := bctx.Context.Value(testTime{}).(int64); ok {
			return iter(ast.NumberTerm(json.Number(fmt.Sprint(now))))
		}
		return wallClock(bctx, operands, iter)
	})
}

// format answers with a module as OPA formats it.
func (s *server) format(r request) ([]byte, error) {
	var header struct {
		Path        string `json:"path"`
		RegoVersion string `json:"rego_version"`
	}
	if err := decodeHeader(r.header, &header); err != nil {
		return nil, err
	}
	file := cmp.Or(header.Path, "module.rego")
	_, texts, regoVersion, err := parseModules([]module{{moduleText: moduleText{file, string(r.body)}}}, header.RegoVersion)
	if err != nil {
		return nil, err
	}
	formatted, err := format.SourceWithOpts(file, r.body, format.Opts{
		RegoVersion: regoVersion,
		ParserOptions: &ast.ParserOptions{
			Capabilities: capabilities(regoVersion),
			RegoVersion:  regoVersion,
		},
	})
	if err != nil {
		if errs := (ast.Errors)(nil); errors.As(err, &errs) {
			return nil, compileFailure(errs, nil, texts)
		}
		return nil, fail(compileError, err.Error())
	}
	return encoded(struct {
		Text string `json:"text"`
	}{string(formatted)}), nil
}

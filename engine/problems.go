package main

// What the engine says when it cannot do what it was asked: one code, one sentence, and the places.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// The codes of failures. They are part of the protocol.
const (
	badRequest         = "bad_request"
	bundleUnknown      = "bundle_unknown"
	compileError       = "compile_error"
	builtinNotAllowed  = "builtin_not_allowed"
	conflict           = "conflict"
	undefined          = "undefined"
	timedOut           = "timeout"
	builtinError       = "builtin_error"
	evaluationError    = "evaluation_error"
	manifestError      = "manifest_error"
	configurationError = "configuration_error"
	panicked           = "panic"
	tooLarge           = "too_large"
)

// A failure is the payload of an answer with status 1.
type failure struct {
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	Problems []problem `json:"problems"`
}

func (f *failure) Error() string { return f.Message }

// A problem is one thing that is wrong, and where. Line and column count from 1, columns in
// characters; both are 0 where there is no place to name.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Path    string `json:"path"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Caret   string `json:"caret"`
}

func fail(code, message string, problems ...problem) *failure {
	if problems == nil {
		problems = []problem{}
	}
	return &failure{code, message, problems}
}

// failureOf is `err` as a failure; what is none yet is about the request.
func failureOf(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	return fail(badRequest, err.Error())
}

// sources are the texts of a bundle's modules by path: places are shown from them.
type sources map[string]string

// place is a problem with the position of `location`, if it has one.
func (s sources) place(code, message string, location *ast.Location) problem {
	p := problem{Code: code, Message: message}
	if location == nil {
		return p
	}
	p.Path, p.Line, p.Column = location.File, location.Row, location.Col
	line, ok := lineOf(s[p.Path], p.Line)
	if !ok {
		return p
	}
	// OPA counts columns in characters, but a parse error can stand one past the end of its line.
	p.Column = max(1, min(p.Column, utf8.RuneCountInString(line)+1))
	p.Caret = caret(line, p.Column)
	return p
}

// compileProblems are OPA's parse and compile errors, in the order of the places they name.
func (s sources) compileProblems(errs ast.Errors) []problem {
	problems := make([]problem, 0, len(errs))
	for _, err := range errs {
		message := err.Message
		if err.Details != nil && !strings.HasPrefix(err.Code, "rego_parse") {
			// The details of a parse error are a caret without a window: ours is better.
			message = strings.Join(append([]string{message}, err.Details.Lines()...), "\n")
		}
		problems = append(problems, s.place(err.Code, message, err.Location))
	}
	sortProblems(problems)
	return problems
}

func sortProblems(problems []problem) {
	slices.SortStableFunc(problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// summary is the first problem as one line, with the number of the others.
func summary(problems []problem) string {
	if len(problems) == 0 {
		return "unknown problem"
	}
	first := problems[0]
	text := first.Message
	if first.Path != "" {
		text = first.Path + ":" + itoa(first.Line) + ":" + itoa(first.Column) + ": " + text
	}
	if more := len(problems) - 1; more > 0 {
		text += " (and " + itoa(more) + " more)"
	}
	return text
}

// evaluationFailure translates an error of OPA's evaluator.
func (s sources) evaluationFailure(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	var halted *topdown.Error
	if !errors.As(err, &halted) {
		return fail(evaluationError, err.Error())
	}
	code := evaluationError
	switch halted.Code {
	case topdown.ConflictErr:
		code = conflict
	case topdown.BuiltinErr:
		code = builtinError
	case topdown.CancelErr:
		code = timedOut
	}
	problems := []problem{s.place(halted.Code, halted.Message, halted.Location)}
	return fail(code, summary(problems), problems...)
}

func lineOf(text string, number int) (string, bool) {
	for ; number > 1; number-- {
		end := strings.IndexByte(text, '\n')
		if end < 0 {
			return "", false
		}
		text = text[end+1:]
	}
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	return strings.TrimSuffix(text, "\r"), text != "" && number == 1
}

// caretWindow is the number of characters of a source line that are shown.
const caretWindow = 120

// caret is the source line, cut to a window around `column`, and a second line that points at it.
func caret(line string, column int) string {
	chars := []rune(line)
	at, start := column-1, 0
	if len(chars) > caretWindow {
		start = max(0, min(at-caretWindow/2, len(chars)-caretWindow))
		chars = chars[start : start+caretWindow]
	}
	for i, char := range chars {
		if char == '\t' {
			// A tab would move the caret of the next line.
			chars[i] = ' '
		}
	}
	return string(chars) + "\n" + strings.Repeat(" ", at-start) + "^"
}

func unknownBundle(id string) *failure {
	return fail(bundleUnknown, fmt.Sprintf("bundle %.80q: found no such bundle, expected one that was compiled here; compile it first", id))
}

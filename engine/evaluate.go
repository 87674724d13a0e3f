package main

// Input bytes to result bytes, at a given time and seed, within a deadline.

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// An entrypoint is a reference below `data`, sent as "policy.a.deny" or ["policy", "a-b", "deny"].
type entrypoint struct {
	// name is the reference as OPA writes it, without "data.": the key of its result.
	name string
	ref  ast.Ref
}

var dotted = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// UnmarshalJSON builds the reference from its segments: no text ever becomes a query.
func (e *entrypoint) UnmarshalJSON(text []byte) error {
	var segments []string
	var path string
	if json.Unmarshal(text, &path) == nil {
		if !dotted.MatchString(path) {
			return fmt.Errorf("found entry point %.80q, expected names joined by dots (or a list of segments)", path)
		}
		segments = strings.Split(path, ".")
	} else if json.Unmarshal(text, &segments) != nil || len(segments) == 0 {
		return fmt.Errorf("found entry point %.80s, expected a dotted name or a list of segments", text)
	}
	e.ref = ast.Ref{ast.DefaultRootDocument}
	for _, segment := range segments {
		e.ref = e.ref.Append(ast.StringTerm(segment))
	}
	e.name = path
	if path == "" {
		e.name = strings.TrimPrefix(e.ref.String(), "data")
		e.name = strings.TrimPrefix(e.name, ".")
	}
	return nil
}

// prepared is one query for a list of entry points: an array with, for each, an array of no or one
// value. A plain array of references would be undefined as a whole if one of them were.
type prepared struct {
	query       rego.PreparedEvalQuery
	entrypoints []entrypoint
}

// query is the prepared query for a list of entry points.
func (b *bundle) query(entrypoints []entrypoint, strictBuiltinErrors bool) (*prepared, error) {
	var key strings.Builder
	fmt.Fprint(&key, strictBuiltinErrors)
	for _, e := range entrypoints {
		key.WriteByte('\n')
		key.WriteString(e.ref.String())
	}
	b.mu.Lock()
	known := b.prepared[key.String()]
	b.mu.Unlock()
	if known != nil {
		return known, nil
	}

	terms := make([]*ast.Term, len(entrypoints))
	value := ast.VarTerm("value")
	for i, e := range entrypoints {
		terms[i] = ast.ArrayComprehensionTerm(value, ast.NewBody(ast.Equality.Expr(value, ast.NewTerm(e.ref))))
	}
	query, err := rego.New(append([]func(*rego.Rego){
		rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.ArrayTerm(terms...)))),
		rego.Compiler(b.compiler),
		rego.Store(b.store),
		rego.Capabilities(b.compiler.Capabilities()),
		rego.StrictBuiltinErrors(strictBuiltinErrors),
		rego.GenerateJSON(func(term *ast.Term, _ *rego.EvalContext) (any, error) { return term, nil }),
	}, b.own...)...).PrepareForEval(context.Background())
	if err != nil {
		return nil, fail(compileError, "entry points: "+err.Error())
	}
	fresh := &prepared{query, entrypoints}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.prepared) >= preparedLimit {
		clear(b.prepared)
	}
	b.prepared[key.String()] = fresh
	return fresh, nil
}

// preparedLimit bounds the lists of entry points a bundle remembers; callers use a handful.
const preparedLimit = 256

// evaluateHeader is what `evaluate` and `evaluate_many` are told besides the documents.
type evaluateHeader struct {
	Bundle              string          `json:"bundle"`
	Entrypoints         []entrypoint    `json:"entrypoints"`
	NowNs               *int64          `json:"now_ns"`
	Seed                string          `json:"seed"`
	DeadlineMs          int64           `json:"deadline_ms"`
	StrictBuiltinErrors bool            `json:"strict_builtin_errors"`
	InputOverlay        json.RawMessage `json:"input_overlay"`
	Count               *int            `json:"count"`
}

const defaultDeadline = 10 * time.Second

// An evaluation is a header that has been understood.
type evaluation struct {
	bundle *bundle
	query  *prepared
	now    time.Time
	seed   string
}

func (s *server) evaluationOf(header *evaluateHeader) (*evaluation, error) {
	if header.NowNs == nil {
		return nil, fail(badRequest, "header: found no now_ns, expected the time of the evaluation")
	}
	if len(header.Entrypoints) == 0 {
		return nil, fail(badRequest, "header: found no entry points, expected at least one")
	}
	b, err := s.bundles.find(header.Bundle)
	if err != nil {
		return nil, err
	}
	query, err := b.query(header.Entrypoints, header.StrictBuiltinErrors)
	if err != nil {
		return nil, err
	}
	return &evaluation{b, query, time.Unix(0, *header.NowNs).UTC(), header.Seed}, nil
}

func (h *evaluateHeader) deadline() (context.Context, context.CancelFunc) {
	limit := defaultDeadline
	if h.DeadlineMs > 0 {
		limit = time.Duration(h.DeadlineMs) * time.Millisecond
	}
	return context.WithTimeout(context.Background(), limit)
}

// evaluate answers with the values of the entry points for one input.
func (s *server) evaluate(r request) func() ([]byte, error) {
	var header evaluateHeader
	if err := decodeHeader(r.header, &header); err != nil {
		return func() ([]byte, error) { return nil, err }
	}
	ctx, cancel := header.deadline()
	return func() ([]byte, error) {
		defer cancel()
		if header.Count != nil {
			return nil, fail(badRequest, "header: found count, expected it only with many inputs")
		}
		e, err := s.evaluationOf(&header)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		input, err := readInput(r.body)
		if err != nil {
			return nil, err
		}
		r.header, r.body = nil, nil // one frame, as long as what it became
		if len(header.InputOverlay) > 0 {
			if input, err = overlaid(input, header.InputOverlay); err != nil {
				return nil, err
			}
		}
		parsed := time.Now()
		out, err := s.run(ctx, e, input, make([]byte, 0, 512))
		if err != nil {
			return nil, err
		}
		return fmt.Appendf(out, `,"metrics":{"parse_ns":%d,"eval_ns":%d}}`, parsed.Sub(start), time.Since(parsed)), nil
	}
}

func readInput(text []byte) (ast.Value, error) {
	input, err := readValue(text)
	if err != nil {
		return nil, inputFailure("input", text, err)
	}
	return input, nil
}

// inputFailure says where in a document the reader stopped.
func inputFailure(what string, text []byte, err error) error {
	p := problem{Code: badRequest, Message: err.Error()}
	if at, ok := err.(*syntaxError); ok {
		before := string(text[:min(at.offset, len(text))])
		start := strings.LastIndexByte(before, '\n') + 1
		p.Line = strings.Count(before, "\n") + 1
		p.Column = len([]rune(before[start:])) + 1
		line, _ := lineOf(string(text[start:]), 1)
		p.Caret = caret(line, p.Column)
	}
	return fail(badRequest, fmt.Sprintf("%s:%d:%d: %s", what, p.Line, p.Column, p.Message), p)
}

// overlaid is the object `base` with the members of another put in place of its own.
func overlaid(base ast.Value, overlay []byte) (ast.Value, error) {
	value, err := readValue(overlay)
	if err != nil {
		return nil, inputFailure("input overlay", overlay, err)
	}
	over, ok := value.(ast.Object)
	if !ok {
		return nil, fail(badRequest, "input overlay: found a "+ast.ValueName(value)+", expected an object")
	}
	under, ok := base.(ast.Object)
	if !ok {
		return nil, fail(badRequest, "input: found a "+ast.ValueName(base)+" below an overlay, expected an object")
	}
	if under.Len() == 0 {
		return over, nil
	}
	pairs := make([][2]*ast.Term, 0, under.Len()+over.Len())
	under.Foreach(func(key, value *ast.Term) {
		if over.Get(key) == nil {
			pairs = append(pairs, [2]*ast.Term{key, value})
		}
	})
	over.Foreach(func(key, value *ast.Term) { pairs = append(pairs, [2]*ast.Term{key, value}) })
	return ast.NewObject(pairs...), nil
}

// run evaluates and appends `{"results":{…},"builtin_errors":[…]`, still open for more members.
func (s *server) run(ctx context.Context, e *evaluation, input ast.Value, out []byte) ([]byte, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, timeoutFailure()
	}
	// OPA looks at the flag, not at the context, in its inner loops.
	cancelled := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancelled.Cancel)()
	var builtinErrors []topdown.Error
	results, err := e.query.query.Eval(ctx,
		rego.EvalParsedInput(input),
		rego.EvalTime(e.now),
		rego.EvalSeed(&seedStream{seed: sha256.Sum256([]byte(e.seed))}),
		rego.EvalExternalCancel(cancelled),
		rego.EvalBuiltinErrorList(&builtinErrors),
		rego.EvalMetrics(metrics.NoOp()),
	)
	if ctx.Err() != nil {
		// A built-in may have turned the end of the context into any error, or none.
		return nil, timeoutFailure()
	}
	if err != nil {
		return nil, e.bundle.sources.evaluationFailure(err)
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return nil, fail(evaluationError, fmt.Sprintf("query: found %d results, expected one", len(results)))
	}
	values := results[0].Expressions[0].Value.(*ast.Term).Value.(*ast.Array)
	out = append(out, `{"results":{`...)
	var missing []string
	for i, entry := range e.query.entrypoints {
		value := values.Elem(i).Value.(*ast.Array)
		if value.Len() == 0 {
			missing = append(missing, entry.name)
			continue
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, entry.name), ':')
		if out, err = appendValue(out, value.Elem(0).Value); err != nil {
			return nil, fail(evaluationError, entry.name+": "+err.Error())
		}
	}
	if len(missing) > 0 {
		return nil, undefinedFailure(missing)
	}
	out = append(out, `},"builtin_errors":`...)
	if len(builtinErrors) == 0 {
		return append(out, "[]"...), nil
	}
	problems := make([]problem, len(builtinErrors))
	for i, found := range builtinErrors {
		problems[i] = e.bundle.sources.place(builtinError, found.Message, found.Location)
	}
	return append(out, encoded(problems)...), nil
}

func timeoutFailure() *failure {
	return fail(timedOut, "evaluation: found it unfinished at its deadline, expected a result by then")
}

func undefinedFailure(names []string) *failure {
	problems := make([]problem, len(names))
	for i, name := range names {
		problems[i] = problem{Code: undefined, Message: name + " is undefined", Path: name}
	}
	return fail(undefined, "entry points: found "+strings.Join(names, ", ")+" undefined, expected each to have a value for this input", problems...)
}

// seedStream is an endless stream of bytes that a seed decides: SHA-256 over it and a counter.
type seedStream struct {
	seed    [sha256.Size]byte
	counter uint64
	left    []byte
}

func (s *seedStream) Read(into []byte) (int, error) {
	for n := 0; n < len(into); {
		if len(s.left) == 0 {
			block := sha256.Sum256(binary.BigEndian.AppendUint64(s.seed[:], s.counter))
			s.counter++
			s.left = block[:]
		}
		copied := copy(into[n:], s.left)
		s.left = s.left[copied:]
		n += copied
	}
	return len(into), nil
}

var _ io.Reader = (*seedStream)(nil)

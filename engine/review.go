package main

// An AdmissionReview as it came from the API server, read once: what it asks, the images of its object,
// and what the rules say.

import (
	"fmt"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A reviewPlan is what a list of reviews has in common: it is read once for all of them.
type reviewPlan struct {
	// query is nil where no rule is asked: then the review is read and its images are told.
	query *prepared
	// base are the members of the input that are the same for all.
	base [][2]*ast.Term
}

// plansLimit bounds the plans a bundle remembers: one for each operation and each kind of namespace.
const plansLimit = 512

// requestFacts are the members of a request that rules see as `input.request`, in the order of OPA's keys.
var requestFacts = terms("dryRun", "kind", "name", "namespace", "oldObject", "operation", "options",
	"requestKind", "requestResource", "requestSubResource", "resource", "subResource", "userInfo")

var (
	keyObject, keyOldObject, keyOperation = ast.StringTerm("object"), ast.StringTerm("oldObject"), ast.StringTerm("operation")
	keyRequest, keySource                 = ast.StringTerm("request"), ast.StringTerm("source")
	null                                  = ast.NullTerm()
)

func terms(texts ...string) []*ast.Term {
	result := make([]*ast.Term, len(texts))
	for i, text := range texts {
		result[i] = ast.StringTerm(text)
	}
	return result
}

// review answers for one AdmissionReview. The body is the plan, the members of the input that are this
// review's own, and the review, each with its length (uint32, big-endian) before it.
func (s *server) review(r request) func() ([]byte, error) {
	var header struct {
		Bundle     string `json:"bundle"`
		NowNs      *int64 `json:"now_ns"`
		Seed       string `json:"seed"`
		DeadlineMs int64  `json:"deadline_ms"`
		Images     bool   `json:"images"`
	}
	if err := decodeHeader(r.header, &header); err != nil {
		return func() ([]byte, error) { return nil, err }
	}
	ctx, cancel := (&evaluateHeader{DeadlineMs: header.DeadlineMs}).deadline()
	return func() ([]byte, error) {
		defer cancel()
		if header.NowNs == nil {
			return nil, fail(badRequest, "header: found no now_ns, expected the time of the evaluation")
		}
		body, err := parts(r.body, 3)
		if err != nil {
			return nil, err
		}
		b, err := s.bundles.find(header.Bundle)
		if err != nil {
			return nil, err
		}
		plan, err := b.plan(body[0])
		if err != nil {
			return nil, err
		}
		asked, err := readReview(body[2])
		if err != nil {
			return nil, err
		}
		out := append(make([]byte, 0, 1024), `{"results":{},"builtin_errors":[]`...)
		if plan.query != nil {
			input, err := plan.input(body[1], asked)
			if err != nil {
				return nil, err
			}
			e := &evaluation{b, plan.query, time.Unix(0, *header.NowNs).UTC(), header.Seed}
			if out, err = s.run(ctx, e, input, out[:0]); err != nil {
				return nil, err
			}
		}
		if out, err = asked.appendHead(append(out, `,"head":`...)); err != nil {
			return nil, err
		}
		out = append(out, `,"images":[`...)
		if header.Images {
			out = appendUses(out, asked.uses())
		}
		return append(out, "]}"...), nil
	}
}

// plan is what the bytes of a plan say, remembered: `{"entrypoints":[entry point],"base":{member: value}}`.
func (b *bundle) plan(text []byte) (*reviewPlan, error) {
	b.mu.Lock()
	known := b.plans[string(text)]
	b.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var given struct {
		Entrypoints []entrypoint `json:"entrypoints"`
		Base        rawObject    `json:"base"`
	}
	if err := decodeHeader(text, &given); err != nil {
		return nil, fail(badRequest, "plan: "+err.Error())
	}
	fresh := &reviewPlan{base: given.Base.members}
	if len(given.Entrypoints) > 0 {
		var err error
		if fresh.query, err = b.query(given.Entrypoints, true); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.plans) >= plansLimit {
		clear(b.plans)
	}
	if b.plans == nil {
		b.plans = map[string]*reviewPlan{}
	}
	b.plans[string(text)] = fresh
	return fresh, nil
}

// A rawObject are the members of a JSON object as OPA's terms.
type rawObject struct{ members [][2]*ast.Term }

// UnmarshalJSON reads an object.
func (o *rawObject) UnmarshalJSON(text []byte) (err error) {
	// What is remembered must not share memory that its owner writes to again.
	o.members, err = objectMembers("base", append([]byte(nil), text...))
	return err
}

func objectMembers(what string, text []byte) ([][2]*ast.Term, error) {
	value, err := readValue(text)
	if err != nil {
		return nil, inputFailure(what, text, err)
	}
	object, ok := value.(ast.Object)
	if !ok {
		return nil, fail(badRequest, what+": found a "+ast.ValueName(value)+", expected an object")
	}
	members := make([][2]*ast.Term, 0, object.Len())
	object.Foreach(func(key, value *ast.Term) { members = append(members, [2]*ast.Term{key, value}) })
	return members, nil
}

// input is the document the rules see: what all reviews have, what this one has, its object and its request.
func (p *reviewPlan) input(own []byte, asked *askedReview) (ast.Value, error) {
	members, err := objectMembers("own", own)
	if err != nil {
		return nil, err
	}
	pairs := make([][2]*ast.Term, 0, len(p.base)+len(members)+3)
	pairs = append(append(pairs, p.base...), members...)
	pairs = append(pairs, [2]*ast.Term{keyObject, asked.judged}, [2]*ast.Term{keyRequest, asked.facts()}, [2]*ast.Term{keySource, null})
	if key, ok := twice(pairs); ok {
		return nil, fail(badRequest, fmt.Sprintf("own: found member %.80q twice, expected each once", key))
	}
	return ast.NewObject(pairs...), nil
}

// An askedReview is the request of a review.
type askedReview struct {
	request   ast.Object
	operation string
	// judged is the object: on DELETE the one there is, else the one there will be.
	judged *ast.Term
}

func readReview(text []byte) (*askedReview, error) {
	value, err := readValue(text)
	if err != nil {
		return nil, inputFailure("review", text, err)
	}
	asked := &askedReview{}
	whole, ok := value.(ast.Object)
	if ok {
		asked.request, ok = memberOf(whole, keyRequest).Value.(ast.Object)
	}
	if !ok {
		return nil, fail(badRequest, "review: found no request, expected an object")
	}
	operation, ok := memberOf(asked.request, keyOperation).Value.(ast.String)
	if !ok {
		return nil, fail(badRequest, "review: found no operation, expected its name")
	}
	asked.operation, asked.judged = string(operation), memberOf(asked.request, keyObject)
	if operation == "DELETE" {
		asked.judged = memberOf(asked.request, keyOldObject)
	}
	if _, ok := asked.judged.Value.(ast.Object); !ok {
		return nil, fail(badRequest, "review: found no object to judge, expected one")
	}
	return asked, nil
}

// memberOf is a member of an object, null where it is not there.
func memberOf(object ast.Object, key *ast.Term) *ast.Term {
	if found := object.Get(key); found != nil {
		return found
	}
	return null
}

// facts is `input.request`: absent members are null.
func (r *askedReview) facts() *ast.Term {
	pairs := make([][2]*ast.Term, len(requestFacts))
	for i, key := range requestFacts {
		pairs[i] = [2]*ast.Term{key, memberOf(r.request, key)}
	}
	return ast.NewTerm(ast.NewObject(pairs...))
}

// appendHead appends what was asked, so that the parent can tell that both have read the same.
func (r *askedReview) appendHead(out []byte) ([]byte, error) {
	var err error
	for i, name := range []string{`{"uid":`, `,"operation":`, `,"subResource":`, `,"namespace":`, `,"name":`} {
		key := strings.Trim(name, `{,":`)
		if out, err = appendValue(append(out, name...), memberOf(r.request, headKeys[i]).Value); err != nil {
			return nil, fail(evaluationError, key+": "+err.Error())
		}
	}
	return append(out, '}'), nil
}

var headKeys = terms("uid", "operation", "subResource", "namespace", "name")

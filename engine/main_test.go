package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"
)

// The test binary is also the child process that some tests need.
const serveVariable = "GATE_OPA_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// Built-ins that only the test binary has: a bug, and an attempt to open a file.
func init() {
	anything := types.NewFunction(types.Args(types.A), types.A)
	rego.RegisterBuiltin1(&rego.Function{Name: "test.panic", Decl: anything}, func(rego.BuiltinContext, *ast.Term) (*ast.Term, error) {
		panic("a bug")
	})
	rego.RegisterBuiltin1(&rego.Function{Name: "test.open", Decl: anything}, func(_ rego.BuiltinContext, name *ast.Term) (*ast.Term, error) {
		_, err := os.Open(string(name.Value.(ast.String)))
		return ast.BooleanTerm(err == nil), nil
	})
}

// A client is the parent's end of a connection.
type client struct {
	t    *testing.T
	conn io.ReadWriteCloser
	last uint32
}

// inProcess is a client of a server in this process.
func inProcess(t *testing.T) *client {
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close() })
	go newServer(there, 1<<20).serve(there)
	return &client{t: t, conn: here}
}

func (c *client) send(op byte, header any, body []byte) uint32 {
	c.t.Helper()
	c.last++
	text := asJSON(header)
	if raw, ok := header.(string); ok {
		text = []byte(raw)
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(requestPrefix+len(text)+len(body)))
	frame = append(binary.BigEndian.AppendUint32(frame, c.last), op)
	frame = append(binary.BigEndian.AppendUint32(frame, uint32(len(text))), text...)
	if _, err := c.conn.Write(append(frame, body...)); err != nil {
		c.t.Fatal(err)
	}
	return c.last
}

func (c *client) receive() (id uint32, status byte, payload []byte, err error) {
	var length [4]byte
	if _, err := io.ReadFull(c.conn, length[:]); err != nil {
		return 0, 0, nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(c.conn, frame); err != nil {
		return 0, 0, nil, err
	}
	return binary.BigEndian.Uint32(frame), frame[4], frame[5:], nil
}

// done is the answer to a request that must succeed.
func (c *client) done(op byte, header any, body string) map[string]any {
	c.t.Helper()
	status, payload := c.call(op, header, body)
	var answer map[string]any
	if err := json.Unmarshal(payload, &answer); err != nil || status != 0 {
		c.t.Fatalf("operation %d: found status %d and %s (%v), expected success", op, status, payload, err)
	}
	return answer
}

// refused is the failure of a request that must fail with `code`.
func (c *client) refused(code string, op byte, header any, body string) failure {
	c.t.Helper()
	status, payload := c.call(op, header, body)
	var failed failure
	if err := json.Unmarshal(payload, &failed); err != nil || status != 1 || failed.Code != code || failed.Message == "" || failed.Problems == nil {
		c.t.Fatalf("operation %d: found status %d and %s (%v), expected failure %s", op, status, payload, err, code)
	}
	return failed
}

func (c *client) call(op byte, header any, body string) (byte, []byte) {
	c.t.Helper()
	sent := c.send(op, header, []byte(body))
	id, status, payload, err := c.receive()
	if err != nil {
		c.t.Fatal(err)
	}
	if id != sent {
		c.t.Fatalf("found an answer to %d, expected one to %d", id, sent)
	}
	return status, payload
}

// object is short for JSON objects in tests.
type object = map[string]any

// bundleOf is a compile header for modules given as path, text, path, text ….
func bundleOf(id string, modules ...string) object {
	list := []moduleText{}
	for i := 0; i < len(modules); i += 2 {
		list = append(list, moduleText{modules[i], modules[i+1]})
	}
	return object{"bundle": id, "modules": list}
}

// asking is an evaluate header.
func asking(id string, entrypoints ...any) object {
	return object{"bundle": id, "entrypoints": entrypoints, "now_ns": 1_700_000_000_000_000_000, "seed": "s", "deadline_ms": 5000}
}

func equalJSON(t *testing.T, expected string, actual any) {
	t.Helper()
	var want any
	if err := json.Unmarshal([]byte(expected), &want); err != nil {
		t.Fatal(err)
	}
	if string(asJSON(want)) != string(asJSON(actual)) {
		t.Errorf("found %s, expected %s", asJSON(actual), asJSON(want))
	}
}

func TestHelloNamesVersionsAndRemovedBuiltins(t *testing.T) {
	answer := inProcess(t).done(opHello, object{}, "")
	if answer["protocol"] != 1.0 || answer["opa"] != "1.22.2" || answer["version"] != version {
		t.Errorf("found %v", answer)
	}
	equalJSON(t, `["crypto.x509.parse_and_verify_certificates","crypto.x509.parse_and_verify_certificates_with_options","http.send","net.lookup_ip_addr","opa.runtime"]`, answer["builtins_removed"])
	for _, name := range removedBuiltins {
		if ast.BuiltinMap[name] == nil {
			t.Errorf("OPA has no built-in %s any more: the list must follow", name)
		}
	}
}

func TestOPAHasNoNewBuiltinThatReachesOutside(t *testing.T) {
	// A new release can bring another one: whoever raises the version looks at what this lists.
	known := map[string]bool{}
	for _, name := range removedBuiltins {
		known[name] = true
	}
	for _, name := range []string{
		"rand.intn", "time.now_ns", "uuid.rfc4122", "io.jwt.decode_verify", // from the evaluation's time and seed
		"json.match_schema", "json.verify_schema", // remote references, which are refused
		"io.jwt.encode_sign", "io.jwt.encode_sign_raw", // signatures with a random part are all that a replay will not repeat
	} {
		known[name] = true
	}
	for _, builtin := range ast.CapabilitiesForThisVersion().Builtins {
		if builtin.Nondeterministic && !known[builtin.Name] && !strings.HasPrefix(builtin.Name, "test.") {
			t.Errorf("found nondeterministic built-in %s: remove it or make it replayable", builtin.Name)
		}
	}
}

func TestUnknownOperationsAndHeadersAreBadRequests(t *testing.T) {
	c := inProcess(t)
	c.refused(badRequest, 99, object{}, "")
	for op := byte(opHello); op <= opFormat; op++ {
		c.refused(badRequest, op, object{"no_such_key": 1}, "")
		c.refused(badRequest, op, `{} {}`, "")
		c.refused(badRequest, op, `[`, "")
	}
}

func TestABrokenFrameIsAnsweredWithIDZeroAndEndsTheConnection(t *testing.T) {
	for name, sent := range map[string]struct {
		code  string
		bytes []byte
	}{
		"too large":             {tooLarge, []byte{0x7F, 0xFF, 0xFF, 0xFF}},
		"too small":             {badRequest, []byte{0, 0, 0, 3}},
		"a header beyond frame": {badRequest, []byte{0, 0, 0, 9, 0, 0, 0, 1, 1, 0, 0, 0, 99}},
	} {
		t.Run(name, func(t *testing.T) {
			c := inProcess(t)
			if _, err := c.conn.Write(sent.bytes); err != nil {
				t.Fatal(err)
			}
			id, status, payload, err := c.receive()
			if err != nil || id != 0 || status != 1 || !strings.Contains(string(payload), sent.code) {
				t.Errorf("found id %d, status %d, %s (%v)", id, status, payload, err)
			}
		})
	}
}

func TestAnAnswerAboveTheLimitIsTooLarge(t *testing.T) {
	c := inProcess(t) // its limit is 1 MiB
	c.done(opCompile, bundleOf("b", "a.rego", `package a
x := [sprintf("%100d", [i]) | some i in numbers.range(1, 20000)]`), "")
	c.refused(tooLarge, opEvaluate, asking("b", "a.x"), "{}")
	c.done(opHello, object{}, "")
}

func TestRequestsAreAnsweredOutOfOrder(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", slowModule), "")
	slow := asking("b", "slow.cubic")
	slow["deadline_ms"] = 300
	first := c.send(opEvaluate, slow, []byte("{}"))
	second := c.send(opHello, object{}, nil)
	ids := []uint32{}
	for range 2 {
		id, _, _, err := c.receive()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if !slices.Equal(ids, []uint32{second, first}) {
		t.Errorf("found answers in the order %v, expected hello before the slow evaluation", ids)
	}
}

func TestAPanicCostsOneRequest(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package a\nbad := test.panic(input)\ngood := 1"), "")
	failed := c.refused(panicked, opEvaluate, asking("b", "a.bad"), "{}")
	if !strings.Contains(failed.Message, "a bug") || !strings.Contains(failed.Message, "main_test.go:") {
		t.Errorf("found %q, expected what happened and where", failed.Message)
	}
	equalJSON(t, `{"a.good":1}`, c.done(opEvaluate, asking("b", "a.good"), "{}")["results"])
	many := asking("b", "a.bad")
	many["count"] = 1
	if text := string(asJSON(c.done(opEvaluateMany, many, parted("{}", "{}")))); !strings.Contains(text, `"code":"panic"`) {
		t.Errorf("found %s", text)
	}
}

// slowModule has what does not end in time: what OPA stops at the deadline, and what it does not.
const slowModule = `package slow
cubic := count([1 | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); some k in numbers.range(1, 3000); i + j == k])
edges := {sprintf("%d", [i]): [sprintf("%d", [j]) | some j in numbers.range(1, 9)] | some i in numbers.range(1, 9)}
paths := count(graph.reachable_paths(edges, {"1"}))
`
